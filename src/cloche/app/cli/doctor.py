"""``cloche doctor``: what works on this host, what is missing, and how to mend it."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import config_option, hush, problems, say_draining, servable, settings_of, show_table

if TYPE_CHECKING:
    from cloche.app.settings import Settings
    from cloche.executors.docker.capabilities import Containers
    from cloche.executors.local.capabilities import Capabilities
    from cloche.jobdir.orders import Level

_FEW = 5  # more are shown by the page alone
_SCOPES = 6  # the first version of Landlock that keeps signals in


@click.command(short_help="Say which modes work here, what is missing, and how to mend it.")
@config_option
@click.pass_context
def doctor(context: click.Context, config: Path | None) -> None:
    """Execute something in every mode, and say which modes work here, what is missing, and how to mend it.

    Imports the packages of the settings as well. Ends with 1 when the mode of the settings does not work or a package
    is broken.
    """
    from cloche.app import modes
    from cloche.app.datadir import Datadir
    from cloche.app.drain import Drain
    from cloche.app.settings import DOCKER

    settings = settings_of(config)
    hush(settings)
    with servable():
        found, inside = _probed(settings)
    missing = inside if isinstance(inside, str) else inside.missing
    _say_modes(found, missing)
    _say_walls(found, containers=not missing)
    _say_limits(found)
    _say_containers(inside)
    _say_disk(settings)
    _say_account(settings)
    say_draining(Drain(Datadir(settings.server.datadir).drain))
    wanted = settings.processing.mode
    works = not missing if wanted == DOCKER else wanted == "auto" or found.strongest(*modes.LEVELS[wanted]) is not None
    if not works:
        click.echo(f"\n[processing] mode = {wanted!r} does not work here.", err=True)
        context.exit(1)
    if not _say_packages(settings):
        context.exit(1)


def _probed(settings: "Settings") -> tuple["Capabilities", "Containers | str"]:
    from cloche.app import containers, modes
    from cloche.app.publications import passable_directory
    from cloche.executors.local.capabilities import probe

    with passable_directory() as folder:
        return probe(modes.local_settings(settings, folder)), containers.probed(settings, folder)


def _say_modes(found: "Capabilities", no_containers: str) -> None:
    from rich.table import Table

    from cloche.app import containers, modes
    from cloche.app.settings import DOCKER, MODES

    table = Table("mode", "works", "walls", "what is missing", box=None, pad_edge=False)
    for mode, levels in modes.LEVELS.items():
        for level in levels:
            works = "no" if found.missing[level] else "yes"
            table.add_row(mode, works, modes.WALLS[level], found.missing[level] or "-")
    table.add_row(DOCKER, "no" if no_containers else "yes", containers.WALLS, no_containers or "-")
    show_table(table)
    auto = next((mode for mode in reversed(MODES) if found.strongest(*modes.LEVELS[mode])), "nothing")
    click.echo(f"\nmode auto means {auto} here")


def _say_walls(found: "Capabilities", *, containers: bool) -> None:
    """What each mode blocks here, of the attacks that the tests try."""
    from cloche.app import attacks, modes

    click.echo(
        f"\nof {attacks.NUMBER} attacks that Cloche's tests try (docs/isolation.md) executions here are kept from"
    )
    for mode, levels in modes.LEVELS.items():
        for level in levels:
            if not found.missing[level]:
                opened = attacks.OPEN[_column(level, found)]
                click.echo(f"  {attacks.NUMBER - len(opened)} in mode {mode}: {modes.WALLS[level]}{_left_open(opened)}")
    if containers:
        opened = attacks.OPEN["docker"]
        click.echo(
            f"  {attacks.NUMBER - len(opened)} in mode docker: hardened containers, level LL inside{_left_open(opened)}"
        )
    if found.landlock < _SCOPES:
        click.echo(
            "  Landlock here is older than the tests': at level LL executions can signal processes of their account"
        )
    click.echo()


def _column(level: "Level", found: "Capabilities") -> str:
    """Walls are told apart by control groups, an account's own rights by whether executions share it."""
    from cloche.jobdir.orders import Level

    alike_root = os.geteuid() == 0 if level is Level.PROCESS else not found.groups.startswith("none")
    return f"{level}_{'root' if alike_root else 'user'}"


def _left_open(opened: tuple[str, ...]) -> str:
    if not opened:
        return ""
    return f". They can: {'; '.join(opened)}" if len(opened) <= _FEW else ""


def _say_disk(settings: "Settings") -> None:
    import shutil

    from cloche.model.quantities import show_bytes

    click.echo(
        "limit of the work directory: watched by each execution's supervisor, up to 100 times a second; no quota"
    )
    reserve = settings.limits.freespace
    folder = next(path for path in (settings.server.datadir, *settings.server.datadir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    kept = f"executions are ended below {show_bytes(reserve)}" if reserve else "none is kept: [limits] freespace"
    click.echo(f"free on the disk of {settings.server.datadir}: {show_bytes(free)}; {kept}")
    if free < reserve:
        click.echo("  mend: make room, or no execution that writes will come to its end")


def _say_limits(found: "Capabilities") -> None:
    click.echo(
        f"Landlock: {f'version {found.landlock}' if found.landlock else 'none: a kernel of 5.13 or later has it'}"
    )
    click.echo(f"control groups: {found.groups}")
    if found.groups.startswith("none"):
        click.echo(
            "  mend: Delegate=yes in the systemd unit, or systemd-run --user --scope -p Delegate=yes cloche serve"
        )
    click.echo(f"pause: {found.held_by}")
    for what, means in found.limits.items():
        click.echo(f"limit of {what}: {means}")


def _say_packages(settings: "Settings") -> bool:
    """Whether all of them can be imported."""
    from cloche.app.publications import open_catalog, strays

    with servable(), open_catalog(settings) as catalog:
        good = Counter(published.package for published in catalog.processes())
        lines, without = problems(catalog), strays(settings, catalog)
    for package, number in good.items():
        click.echo(f"package {package}: {number} process{'es' * (number != 1)}")
    for line in lines:
        click.echo(f"package {line}")
    for line in without:
        click.echo(line, err=True)
    return not lines


def _say_containers(found: "Containers | str") -> None:
    from cloche.jobdir.orders import Level

    if isinstance(found, str) or not found.daemon:
        return
    click.echo(f"containers: {found.daemon}")
    if found.inside is not None:
        walls = "Landlock and seccomp" if found.inside.level is Level.LANDLOCK else "the container's walls only"
        click.echo(f"  inside: Cloche {found.inside.version}, {walls}")
    for what, means in found.limits.items():
        click.echo(f"  limit of {what}: {means}")
    for note in found.notes:
        click.echo(f"  {note}")


def _say_account(settings: "Settings") -> None:
    if os.geteuid() == 0:
        click.echo(f"the server runs as root, executions as {settings.processing.user}")
    else:
        click.echo("the server and its executions run as the same user: another account would part them further")
