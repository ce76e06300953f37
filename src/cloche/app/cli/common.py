"""What the commands share: options, settings, and errors that name the mend."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.table import Table

    from cloche.app.archive import Archive
    from cloche.app.drain import Drain
    from cloche.app.settings import Settings
    from cloche.model.errors import ClocheError
    from cloche.ports.catalog import Catalog

datadir_option = click.option(
    "--datadir", type=click.Path(path_type=Path, file_okay=False), help="The data directory. Default: the settings'."
)

F = TypeVar("F", bound=Callable[..., Any])


class Failed(click.ClickException):
    """It was tried and failed."""

    exit_code = 1


class Misconfigured(click.ClickException):
    """The settings are wrong."""

    exit_code = 3


class Taken(click.ClickException):
    """The data directory or the port belongs to somebody else."""

    exit_code = 4


def config_option(command: F) -> F:
    """``--config``, or the environment variable CLOCHE_CONFIG."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        envvar="CLOCHE_CONFIG",
        help="Settings file. Default: cloche.toml in the current directory, where there is one.",
    )(command)


def demo_option(command: F) -> F:
    """``--demo``."""
    return click.option("--demo", is_flag=True, help="Add the processes that ship with Cloche.")(command)


def settings_of(config: Path | None, *, demo: bool = False, **flags: Any) -> "Settings":
    """The settings, or an error that lists every mistake in them."""
    from cloche.app.configuration import WrongSettings, read
    from cloche.app.demo import with_demo

    named = {name.replace("__", "."): value for name, value in flags.items()}
    try:
        settings = read(config, os.environ, named, directory=Path.cwd())
    except WrongSettings as error:
        raise Misconfigured(str(error)) from None
    return with_demo(settings) if demo else settings


@contextmanager
def servable() -> Iterator[None]:
    """Settings that ask for what this host cannot do are a mistake in the settings."""
    from cloche.app.hosts import CannotServe

    try:
        yield
    except CannotServe as error:
        raise Misconfigured(str(error)) from None


def explained(error: "ClocheError", catalog: "Catalog", process: str) -> str:
    """What went wrong, and what helps."""
    from cloche.model.errors import InputError, NoSuchFormat, NoSuchOutput, NoSuchProcess

    if isinstance(error, NoSuchProcess):
        return "\n".join((f"{error.text} See `cloche processes`.", *problems(catalog)))
    if isinstance(error, InputError | NoSuchOutput | NoSuchFormat):
        return f"{error.text} See `cloche describe {process}`."
    return error.text


def problems(catalog: "Catalog") -> list[str]:
    """A line for every broken package; the log of a server has the whole of it."""
    return [f"{one.package} is not served: {_gist(one.error)}" for one in catalog.problems()]


def _gist(traceback: str) -> str:
    """Its last line with the line of the code that it speaks of."""
    lines = traceback.strip().splitlines()
    places = re.findall(r'^ *File "([^"<]+)", line (\d+)', traceback, re.MULTILINE)
    kind, colon, text = lines[-1].partition(": ")
    said = f"{kind.rsplit('.', 1)[-1]}{colon}{text}"
    own = [place for place in places if f"{os.sep}cloche{os.sep}" not in place[0] and "importlib" not in place[0]]
    return f"{said} ({own[-1][0]}, line {own[-1][1]})" if own else said


def hush(settings: "Settings") -> None:
    """Only errors in the log: a command says itself what there is to say."""
    from msgspec.structs import replace

    from cloche.app import logs

    logs.configure(replace(settings.logging, level="ERROR", format="console"))


def show_table(table: "Table") -> None:
    """On a terminal as wide as it is; elsewhere every row in one line."""
    from rich.console import Console

    # no markup: brackets are names of settings, or what process code said
    Console(width=None if sys.stdout.isatty() else 1000, markup=False).print(table)


def say_draining(drain: "Drain") -> None:
    """A line on standard error where new jobs are refused."""
    if since := drain.since():
        time = f"{since:%Y-%m-%d %H:%M:%S %Z}"
        click.echo(f"draining since {time}: new jobs are refused until `cloche drain --off`", err=True)


@contextmanager
def archive_of(config: Path | None, datadir: Path | None) -> Iterator["Archive"]:
    """What a data directory remembers, whether its server runs or not; errors become the command's."""
    from cloche.app import hosts
    from cloche.app.archive import existing
    from cloche.model.errors import ClocheError
    from cloche.ports.store import StoreUnavailable

    settings = settings_of(config)
    hush(settings)
    chosen = datadir or settings.server.datadir
    try:
        with existing(chosen, hosts.owner(settings)) as archive:
            yield archive
    except FileNotFoundError:
        raise Failed(f"there is no data directory {chosen}; name one with --datadir or --config") from None
    except ClocheError as error:
        raise Failed(error.text) from None
    except (StoreUnavailable, hosts.CannotServe) as error:
        raise Failed(str(error)) from None
