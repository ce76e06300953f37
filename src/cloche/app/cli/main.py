"""The group of all commands. Commands import what they need when they run, so that ``--help`` answers at once.

Exit codes: 0 done; 1 it was tried and failed (a job that failed, a mode that does not work here); 2 the command was
called wrongly; 3 the settings are wrong; 4 the data directory or the port cannot be had; 130 `run` was interrupted.
"""

import click

from cloche import __version__
from cloche.app.cli import control, describe, doctor, drain, image, init, jobs, run, serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Publish Python functions over WPS; every execution runs under its own glass."""


@main.command()
def version() -> None:
    """Say which version this is."""
    click.echo(f"cloche {__version__}")


for _command in (control.pause, control.resume, control.dismiss):
    jobs.jobs.add_command(_command)
for _command in (
    serve.serve,
    serve.demo,
    init.init,
    run.run,
    describe.processes,
    describe.describe,
    jobs.jobs,
    drain.drain,
    image.image,
    doctor.doctor,
):
    main.add_command(_command)
