"""``cloche run``: one execution behind the same walls, without a server."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import Failed, config_option, demo_option, explained, hush, servable, settings_of

if TYPE_CHECKING:
    from cloche.app.wiring import House
    from cloche.model.execute import Execute, OutputRequest
    from cloche.model.job import Job, JobId
    from cloche.ports.intake import Intake
    from cloche.service.service import Service

Wanted = Mapping[str, tuple["OutputRequest", Path]]


@click.command(short_help="Execute a process once, without a server.")
@click.argument("process")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=VALUE",
    help="An input: a value, @FILE, or an address to fetch complex data from. A box is four numbers with commas.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="NAME=FILE",
    help="Only these outputs; the file's suffix chooses the format. Default: all, complex ones into this directory.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, and what it printed only when it failed.")
@config_option
@demo_option
def run(
    process: str, inputs: tuple[str, ...], outputs: tuple[str, ...], config: Path | None, *, quiet: bool, demo: bool
) -> None:
    """Execute PROCESS once, behind the same walls as in the server."""
    try:
        with servable(), _house(config, demo=demo) as house:
            _run(house, process, inputs, outputs, quiet=quiet)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None


def _run(house: "House", process: str, inputs: tuple[str, ...], outputs: tuple[str, ...], *, quiet: bool) -> None:
    from cloche.app.cli import arguments
    from cloche.model.errors import ClocheError
    from cloche.model.execute import Execute

    service = house.service
    intake = service.intake()
    try:
        description = service.process(process).description
        given = arguments.inputs(description, inputs, intake.path)
        wanted = arguments.outputs(description, outputs)
        request = Execute(process=process, inputs=given, outputs=tuple(item for item, _ in wanted.values()))
        job = _execute(service, request, intake, quiet=quiet)
        _deliver(service, job, wanted)
    except ClocheError as error:
        raise Failed(explained(error, house.catalog, process)) from None
    except KeyboardInterrupt:
        _stop(service)
        raise
    finally:
        intake.discard()


@contextmanager
def _house(config: Path | None, *, demo: bool) -> Iterator["House"]:
    from msgspec.structs import replace

    from cloche.app import wiring
    from cloche.app.publications import passable_directory

    settings = settings_of(config, demo=demo)
    hush(settings)
    with passable_directory() as folder:
        server = replace(settings.server, datadir=folder, maxprocesses=1, parallelprocesses=1)
        # the server's own data stay hidden, as they are from what it executes itself
        hidden = (*settings.processing.hiddenpaths, settings.server.datadir)
        processing = replace(settings.processing, hiddenpaths=hidden)
        with wiring.opened(replace(settings, server=server, processing=processing)) as house:
            yield house


def _execute(service: "Service", request: "Execute", intake: "Intake", *, quiet: bool) -> "Job":
    from cloche.model.state import State

    submitted = service.submit(request, intake)
    job = _follow(service, submitted.id, quiet=quiet)
    done = job.state is State.SUCCEEDED
    said = service.log(job.id).strip()
    if said and not (done and quiet):
        click.echo(said, err=True)
    if done:
        return job
    reason = job.failure.text if job.failure else job.message
    # the client's text may name a log that ends with this command
    reason = "see what it printed, above" if said and str(job.id) in reason else reason
    raise Failed(f"{job.process} {job.state.value}: {reason}")


def _follow(service: "Service", id: "JobId", *, quiet: bool) -> "Job":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from cloche.model.state import ENDED

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}", markup=False),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task(service.job(id).process, total=100, said="")
        while (job := service.wait(id, timeout=0.2)).state not in ENDED:
            bar.update(task, completed=job.progress, said=job.message)
    return job


def _stop(service: "Service") -> None:
    """Leave nothing behind: an execution would outlive us."""
    from cloche.ports.store import Query

    for job in service.jobs(Query()):
        service.dismiss(job.id)
        service.wait(job.id, timeout=10)


def _deliver(service: "Service", job: "Job", wanted: Wanted) -> None:
    from cloche.model.data import BoundingBoxData, LiteralData, StoredData

    for output in job.outputs:
        target = wanted[output.id][1] if output.id in wanted else None
        match output.data:
            case StoredData(name=name):
                path = target or Path.cwd() / name
                with _written(output.id, path), path.open("wb") as file:
                    for chunk in service.read_output(job.id, name):
                        file.write(chunk)
            case LiteralData(value=value, uom=uom):
                _say(output.id, f"{value} {uom}".rstrip(), target)
            case BoundingBoxData(lower=lower, upper=upper, crs=crs):
                _say(output.id, ",".join((*map(str, lower), *map(str, upper), crs)), target)


def _say(name: str, text: str, target: Path | None) -> None:
    if target is None:
        click.echo(f"{name}: {text}")
    else:
        with _written(name, target):
            target.write_text(text, "utf-8")


@contextmanager
def _written(name: str, path: Path) -> Iterator[None]:
    """Around what writes the output; says where it is."""
    try:
        yield
    except OSError as error:
        raise Failed(f"output {name} cannot be written to {path}: {error.strerror}") from None
    click.echo(f"{name}: {path}")
