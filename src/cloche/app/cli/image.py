"""``cloche image``: what executions in containers run in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import Failed, settings_of

if TYPE_CHECKING:
    from cloche.executors.docker.images.build import Plan
    from cloche.executors.docker.images.engine import Engine, Image, Say

_engine = click.option(
    "--engine",
    "address",
    metavar="ADDRESS",
    default="",
    help="Container engine, such as unix:///run/podman/podman.sock. Default: [processing] containers, DOCKER_HOST.",
)
_verbose = click.option("--verbose", is_flag=True, help="Every line that debootstrap, pip and the engine print.")


@click.group()
def image() -> None:
    """Make and check images for the mode docker."""


@image.command(short_help="Make a base image without a registry.")
@click.option(
    "--debootstrap",
    "way",
    flag_value="debootstrap",
    default=True,
    help="Debian or Ubuntu, from a mirror (default; needs root).",
)
@click.option(
    "--from-host", "way", flag_value="host", help="Nothing but this host's Python and the libraries it needs."
)
@click.option(
    "--tarball",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A tar archive of a root directory, or of an image as `docker save` writes it.",
)
@click.option("--tag", default="cloche-base", show_default=True, help="Name of the image.")
@click.option("--suite", default="", help="Suite of Debian or Ubuntu. Default: this host's, else bookworm.")
@click.option(
    "--mirror", default="", help="Package mirror. Default: where this host's apt gets that suite, else Debian's."
)
@click.option("--include", "packages", multiple=True, metavar="NAME", help="One more Debian package; may be repeated.")
@_engine
@_verbose
def base(
    way: str,
    tarball: Path | None,
    tag: str,
    suite: str,
    mirror: str,
    packages: tuple[str, ...],
    address: str,
    *,
    verbose: bool,
) -> None:
    """Make a base image that needs no registry, for closed networks as well: Python, and little else."""
    from cloche.executors.docker.images import base as bases
    from cloche.executors.docker.images import debian

    if way != "debootstrap" or tarball:
        _refuse({"--suite": suite, "--mirror": mirror, "--include": packages}, "goes with --debootstrap only")
    if tarball:
        _refuse({"--from-host": way == "host"}, "does not go with --tarball")
    with _said(address, verbose=verbose) as (engine, say):
        if tarball:
            made = bases.from_archive(engine, tag, tarball, say=say)
        elif way == "host":
            made = bases.from_host(engine, tag, say=say)
        else:
            wanted = suite or debian.host_suite()
            made = bases.from_debian(engine, tag, suite=wanted, mirror=mirror, packages=packages, say=say)
        python = ".".join(map(str, bases.python_version(engine, tag)))
    _report(tag, made, f"Python {python}")


@image.command(short_help="Build the image of a process package.")
@click.argument("package")
@click.option("--tag", default="", help="Name of the image. Default: cloche- and the name of the package.")
@click.option("--base", "below", default="", help="Image to build on. Default: the package's own, else cloche-base.")
@click.option(
    "--requirements",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Requirements file in place of what the package says.",
)
@click.option(
    "--wheels",
    "links",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    help="Directory with wheels of your own; may be repeated.",
)
@click.option("--network", default="host", show_default=True, help="The engine's network for apt-get; pip needs none.")
@click.option(
    "--write-only", "folder", type=click.Path(path_type=Path), help="Write Dockerfile and context there; build nothing."
)
@_engine
@_verbose
def build(  # noqa: PLR0913 - click hands every option over
    package: str,
    tag: str,
    below: str,
    requirements: Path | None,
    links: tuple[Path, ...],
    network: str,
    folder: Path | None,
    address: str,
    *,
    verbose: bool,
) -> None:
    """Build the image of PACKAGE: its code, its Python and Debian packages, and the runner.

    PACKAGE is named as in [processing] packages. Its Python packages come from inline metadata (PEP 723), from a
    requirements.txt or from a pyproject.toml beside it; its Debian packages from [tool.cloche.image] apt in the inline
    metadata or in pyproject.toml.
    """
    import json

    from cloche.executors.docker.images import build as builds

    with _said(address, verbose=verbose) as (engine, say):
        plan = builds.plan(engine, package, directory=Path.cwd(), base=below, requirements=requirements)
        _announce(plan)
        if folder is not None:
            builds.write(plan, folder, links, say)
        else:
            tag = tag or builds.default_tag(plan)
            made = builds.build(engine, plan, tag, links=links, network=network, say=say)
    if folder is not None:
        click.echo(f"wrote {folder}/Dockerfile and its context: build it with `docker build {folder}`")
    else:
        _report(tag, made, f"package {plan.source.spec}")
        name = plan.source.spec if plan.source.spec.isidentifier() else json.dumps(plan.source.spec)
        click.echo(f"\nIn cloche.toml:\n[packages.{name}]\nimage = {json.dumps(tag)}")


@image.command(short_help="Prove that an image is fit for executions.")
@click.argument("name", metavar="IMAGE")
@click.argument("package", required=False, default="")
@click.option(
    "--runtime", default="", help="OCI runtime of the engine, such as crun or runsc. Default: its own choice."
)
@click.option("--user", default="", metavar="UID:GID", help="Default: 65534:65534 for root, else yourself.")
@_engine
@click.pass_context
def check(context: click.Context, name: str, package: str, runtime: str, user: str, address: str) -> None:
    """Execute the EchoProcess in IMAGE behind every wall of the mode docker, and describe PACKAGE in it.

    PACKAGE is named as in [processing] packages; without it, what the image was built for. Ends with 1 when any check
    fails.
    """
    from rich.console import Console
    from rich.markup import escape

    from cloche.app.publications import passable_directory
    from cloche.executors.docker.images import check as checks

    place = _user(user)
    console = Console(highlight=False, soft_wrap=True)
    failed = False
    with _said(address, verbose=False) as (engine, _), passable_directory() as folder:
        where = checks.Place(folder=folder, user=place, runtime=runtime)
        for outcome in checks.check(engine, name, _spec(package), where):
            failed |= not outcome.ok
            sign = "[green]ok    [/]" if outcome.ok else "[red]FAILED[/]"
            console.print(f"{sign} {escape(outcome.name)}: {escape(outcome.found)}")
    if failed:
        context.exit(1)


def _spec(package: str) -> str:
    """A path as the settings make one of it."""
    from cloche.app.configuration import is_path

    return str(Path(package).resolve()) if package and is_path(package) else package


def _user(text: str) -> tuple[int, int]:
    if not text:
        return (os.getuid(), os.getgid()) if os.getuid() else (65534, 65534)
    uid, colon, gid = text.partition(":")
    if not (colon and uid.isdecimal() and gid.isdecimal()) or int(uid) == 0:
        raise click.BadParameter("two numbers such as 1000:1000, the first not 0", param_hint="--user")
    return int(uid), int(gid)


def _announce(plan: "Plan") -> None:
    needs = plan.needs
    rows = {
        "code": f"{plan.source.name}, {len(plan.source.files)} files from {plan.source.folder}",
        "needs from": needs.origin,
        "Python packages": ", ".join(line for line in needs.requirements if line.strip()) or "none",
        "Debian packages": ", ".join(needs.apt) or "none",
        "base": f"{plan.base} (Python {plan.target.version}, {plan.target.machine})",
    }
    for name, text in rows.items():
        click.echo(f"{name + ':':<17}{text}")


def _configured() -> str:
    """The engine that the server would use, where there are settings."""
    config = os.environ.get("CLOCHE_CONFIG")
    return settings_of(Path(config) if config else None).processing.containers


def _refuse(given: "dict[str, object]", why: str) -> None:
    for name, value in given.items():
        if value:
            raise click.UsageError(f"{name} {why}.")


def _report(tag: str, made: "Image", what: str) -> None:
    click.echo(f"{tag}: {what}, {made.size / 1e6:.0f} MB, {made.id}")


@contextmanager
def _said(address: str, *, verbose: bool) -> Iterator[tuple["Engine", "Say"]]:
    """The engine, and where to put what is done; its errors end the command."""
    from rich.console import Console
    from rich.markup import escape

    from cloche.executors.docker.images.engine import connect
    from cloche.executors.docker.images.errors import ImageError

    console = Console(stderr=True, highlight=False)
    try:
        engine = connect(address or _configured())
        with console.status(f"{engine.title()} at {engine.address}") as status:

            def say(line: str) -> None:
                if verbose:
                    console.print(line, style="dim", markup=False)
                else:
                    status.update(escape(line[: console.width - 4]))

            yield engine, say
    except ImageError as error:
        raise Failed(str(error)) from None
