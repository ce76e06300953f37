"""Executions in containers: one hardened container a job, from a pool of prepared ones."""
