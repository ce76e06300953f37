"""``cloche jobs pause``, ``resume`` and ``dismiss``: wishes that the running server hears within a second."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import archive_of, config_option, datadir_option

if TYPE_CHECKING:
    from cloche.app.archive import Archive
    from cloche.model.job import Job
    from cloche.model.state import Wanted


@click.command()
@click.argument("job", nargs=-1, required=True)
@config_option
@datadir_option
@click.pass_context
def dismiss(context: click.Context, job: tuple[str, ...], config: Path | None, datadir: Path | None) -> None:
    """Stop every JOB; a running server sees it within a second, another one at its start.

    Ends with 1 when one of them is unknown.
    """
    with archive_of(config, datadir) as archive:
        context.exit(_each(job, lambda one: _dismissed(archive, one)))


@click.command()
@click.argument("job", nargs=-1, required=True)
@config_option
@datadir_option
@click.pass_context
def pause(context: click.Context, job: tuple[str, ...], config: Path | None, datadir: Path | None) -> None:
    """Hold every JOB still: a running one where it is, a waiting one in its place of the queue.

    Its memory and its slot stay its own. Ends with 1 when one of them cannot be paused.
    """
    with archive_of(config, datadir) as archive:
        context.exit(_each(job, lambda one: _paused(archive, one)))


@click.command()
@click.argument("job", nargs=-1, required=True)
@config_option
@datadir_option
@click.pass_context
def resume(context: click.Context, job: tuple[str, ...], config: Path | None, datadir: Path | None) -> None:
    """Let every paused JOB go on. Ends with 1 when one of them cannot."""
    with archive_of(config, datadir) as archive:
        context.exit(_each(job, lambda one: _resumed(archive, one)))


def _each(jobs: tuple[str, ...], do: Callable[[str], str]) -> int:
    """A line for every job, refusals on standard error; the exit code."""
    from cloche.model.errors import ClocheError

    code = 0
    for one in jobs:
        try:
            click.echo(f"{one}: {do(one)}")
        except ClocheError as error:
            click.echo(f"{one}: {error.text}", err=True)
            code = 1
    return code


def _dismissed(archive: "Archive", id: str) -> str:
    from cloche.model.state import ENDED, Wanted

    found = archive.store.want(id, Wanted.STOP)
    return f"has ended already ({found.state.value})" if found.state in ENDED else "will be dismissed"


def _paused(archive: "Archive", id: str) -> str:
    from cloche.model.state import State, Wanted

    found = _wanted(archive, id, Wanted.PAUSE)
    if found.state is State.PAUSED:
        return "is paused"
    return "is held back" if found.state is State.ACCEPTED else "will be paused"


def _resumed(archive: "Archive", id: str) -> str:
    from cloche.model.state import State, Wanted

    found = _wanted(archive, id, Wanted.RUN)
    return "will go on" if found.state in (State.PAUSED, State.ACCEPTED) else f"goes on ({found.state.value})"


def _wanted(archive: "Archive", id: str, wanted: "Wanted") -> "Job":
    """Raises NoSuchJob, NotPossible."""
    from cloche.app.modes import can_pause
    from cloche.service.service import check_pausable

    job = archive.store.get(id)
    check_pausable(job, possible=can_pause(job.executor))
    return archive.store.want(id, wanted)
