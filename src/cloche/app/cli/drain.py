"""``cloche drain``: the server finishes what it has and takes nothing new, until it is told otherwise."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import Failed, archive_of, config_option, datadir_option

if TYPE_CHECKING:
    from cloche.app.archive import Archive

_EVERY_S = 0.2


@click.command(short_help="Finish what there is and take no new jobs.")
@click.option("--off", is_flag=True, help="Take new jobs again.")
@click.option("--wait", is_flag=True, help="Wait until no job is left; say so where some are paused.")
@click.option("--timeout", metavar="TIME", help='With --wait: at most so long, such as "10min"; then end with 1.')
@config_option
@datadir_option
def drain(config: Path | None, datadir: Path | None, timeout: str | None, *, off: bool, wait: bool) -> None:
    """Refuse new jobs (ServerBusy, with the time after which to try again) and finish those that were accepted.

    It holds at once, for the running server and for later ones on the same data directory, until `cloche drain --off`.
    """
    if off and wait:
        raise click.UsageError("--off takes jobs again: there is nothing to wait for")
    patience = _seconds(timeout)
    with archive_of(config, datadir) as archive:
        try:
            (archive.drain.end if off else archive.drain.begin)()
        except OSError as error:
            raise Failed(f"{error.filename}: {error.strerror}") from None
        if off:
            click.echo("new jobs are taken again")
            return
        click.echo(f"draining: {_left(archive)}")
        if wait:
            _wait(archive, patience)


def _seconds(text: str | None) -> float | None:
    from cloche.model.quantities import seconds_of

    try:
        return None if text is None else seconds_of(text)
    except ValueError as error:
        raise click.UsageError(f"--timeout: {error}") from None


def _wait(archive: "Archive", patience: float | None) -> None:
    deadline = None if patience is None else time.monotonic() + patience
    warned = False
    while counts := archive.store.counts():
        if archive.server() is None:
            raise Failed(f"no server runs that could finish them: {_left(archive)}")
        if deadline is not None and time.monotonic() > deadline:
            raise Failed(f"time is over: {_left(archive)}")
        if not warned and not any(_moves(archive)):
            click.echo(f"only paused jobs are left, resume or dismiss them: {_left(archive)}", err=True)
            warned = True
        del counts
        time.sleep(_EVERY_S)
    click.echo("drained: no job is left")


def _moves(archive: "Archive") -> list[bool]:
    from cloche.model.state import Wanted

    return [job.wanted is not Wanted.PAUSE for job in archive.store.unended()]


def _left(archive: "Archive") -> str:
    counts = archive.store.counts()
    return ", ".join(f"{number} {state.value}" for state, number in counts.items()) or "no job is left"
