"""The one door: describe, submit, wait, job, results, pause, resume, dismiss; admission limits live here."""
