"""``cloche init``: a process package that runs."""

import os
import shlex
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import click

from cloche.app.cli.common import Failed


@click.command(short_help="Write a new process package that runs.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(directory: Path) -> None:
    """Write a new process package into DIRECTORY (default: here): settings, a process and its test."""
    template = {
        source.name.removesuffix(".txt"): source.read_text("utf-8")
        for source in resources.files("cloche.app").joinpath("template").iterdir()
        if source.name.endswith(".txt")
    }
    try:
        _write(template, directory)
    except OSError as error:
        raise Failed(f"{directory} cannot be written: {error.strerror}; choose another directory") from None
    enter = "" if directory == Path() else f"cd {shlex.quote(os.fspath(directory))} && "
    click.echo(f"\nTry it:   {enter}cloche run greet -i name=World\nServe it: {enter}cloche serve")


def _write(template: Mapping[str, str], directory: Path) -> None:
    there = [name for name in template if (directory / name).exists()]
    if there:
        raise Failed(f"{directory / there[0]} is there already; choose another directory")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(template.items()):
        (directory / name).write_text(text, "utf-8")
        click.echo(f"wrote {directory / name}")
