"""``cloche jobs``: the jobs in a data directory, whether its server runs or not."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import archive_of, config_option, datadir_option, say_draining, show_table

if TYPE_CHECKING:
    from cloche.app.archive import Archive
    from cloche.model.job import Job


@click.group()
def jobs() -> None:
    """Look at jobs, stop them, forget them."""


@jobs.command("list")
@click.option("--state", "states", multiple=True, help="Only jobs in that state; may be repeated.")
@click.option("--process", "processes", multiple=True, help="Only jobs of that process; may be repeated.")
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@config_option
@datadir_option
def list_jobs(
    states: tuple[str, ...], processes: tuple[str, ...], limit: int, config: Path | None, datadir: Path | None
) -> None:
    """List jobs, newest first."""
    from rich.table import Table

    from cloche.model.state import State
    from cloche.ports.store import Query

    unknown = set(states) - set(State)
    if unknown:
        raise click.UsageError(f"no state {unknown.pop()!r}; there are: {', '.join(State)}")
    with archive_of(config, datadir) as archive:
        say_draining(archive.drain)
        found = archive.store.list(Query(states=[State(s) for s in states], processes=processes, limit=limit))
    table = Table("job", "process", "state", "%", "created", "message", box=None, pad_edge=False)
    for job in found:
        said = job.failure.text if job.failure else job.message
        table.add_row(job.id, job.process, _state(job), str(job.progress), f"{job.created:%Y-%m-%d %H:%M:%S}", said)
    show_table(table)


@jobs.command()
@click.argument("job")
@config_option
@datadir_option
def show(job: str, config: Path | None, datadir: Path | None) -> None:
    """Show all that is known of JOB."""
    with archive_of(config, datadir) as archive:
        found = archive.store.get(job)
        for line in _lines(found):
            click.echo(line)
        for output in found.outputs:
            click.echo(f"output      {output.id}: {_output(archive, found, output.data)}")
        for event in archive.store.events(job):
            click.echo(f"{event.time:%Y-%m-%d %H:%M:%S.%f}  {event.state.value}  {event.text}".rstrip())


@jobs.command()
@click.argument("job")
@config_option
@datadir_option
def log(job: str, config: Path | None, datadir: Path | None) -> None:
    """Print what the execution of JOB printed."""
    with archive_of(config, datadir) as archive:
        archive.store.get(job)
        click.echo(archive.workspace.log(job), nl=False)


@jobs.command()
@click.argument("job", nargs=-1)
@click.option("--older-than", metavar="TIME", help='Every ended job that ended longer ago than this, such as "7d".')
@click.option("--ended", is_flag=True, help="Every ended job.")
@config_option
@datadir_option
def purge(
    job: tuple[str, ...], older_than: str | None, config: Path | None, datadir: Path | None, *, ended: bool
) -> None:
    """Forget ended jobs with their results: every JOB, or those that the options choose."""
    if not (job or older_than or ended):
        raise click.UsageError("name jobs, or choose them with --older-than or --ended")
    with archive_of(config, datadir) as archive:
        chosen = [archive.store.get(one) for one in job] or list(_ended(archive, older_than))
        for found in chosen:
            archive.forget(found)
    click.echo(f"{len(chosen)} job{'' if len(chosen) == 1 else 's'} forgotten")


def _ended(archive: "Archive", older_than: str | None) -> Iterator["Job"]:
    from datetime import UTC, datetime, timedelta

    from cloche.model.quantities import seconds_of
    from cloche.model.state import ENDED
    from cloche.ports.store import Query

    try:
        latest = datetime.now(UTC) - timedelta(seconds=seconds_of(older_than or "0s"))
    except ValueError as error:
        raise click.UsageError(f"--older-than: {error}") from None
    after = None
    while page := archive.store.list(Query(states=ENDED, limit=500, after=after)):
        yield from (found for found in page if (found.finished or found.updated) <= latest)
        after = page[-1].id


def _state(job: "Job") -> str:
    """With what is wanted where that is something else: a job that waits and is held back shows it nowhere else."""
    from cloche.model.state import State, Wanted

    has_come_true = job.wanted is Wanted.RUN or (job.wanted is Wanted.PAUSE and job.state is State.PAUSED)
    return job.state.value if has_come_true or job.finished else f"{job.state.value} (wanted: {job.wanted.value})"


def _lines(job: "Job") -> Iterator[str]:
    yield f"job         {job.id}"
    yield f"process     {job.process} {job.process_version} of {job.package}"
    yield f"state       {_state(job)}"
    yield f"mode        {job.executor}"
    yield f"progress    {job.progress} % {job.message}".rstrip()
    for name in ("created", "started", "finished", "expires"):
        moment = getattr(job, name)
        if moment:
            yield f"{name:<12}{moment:%Y-%m-%d %H:%M:%S %Z}"
    if job.usage:
        used = job.usage
        memory = f"{used.peak_memory_bytes / 2**20:.0f} MiB" if used.peak_memory_bytes else "unknown memory"
        yield f"used        {used.wall_s or 0:.2f} s, {used.cpu_s or 0:.2f} s of processor, {memory}"
    if job.failure:
        yield f"failure     {job.failure.kind.value}: {job.failure.text}"


def _output(archive: "Archive", job: "Job", data: object) -> str:
    from cloche.model.data import BoundingBoxData, LiteralData, StoredData

    match data:
        case LiteralData(value=value, uom=uom):
            return f"{value} {uom}".rstrip()
        case BoundingBoxData(lower=lower, upper=upper, crs=crs):
            return f"{lower} {upper} {crs}"
        case StoredData(name=name, size=size, format=form):
            return f"{archive.storage.path(job.id, name) or name} ({form.media_type}, {size} bytes)"
        case _:
            return str(data)
