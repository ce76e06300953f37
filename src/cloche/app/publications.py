"""What the settings publish."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloche.app import modes
from cloche.app.configuration import hint
from cloche.app.modes import Modes
from cloche.app.overrides import OverridingDescriber
from cloche.app.settings import Settings
from cloche.catalog.catalog import PackageCatalog
from cloche.catalog.discovery import installed
from cloche.ports.catalog import Catalog


def catalog_of(settings: Settings, found: Modes) -> PackageCatalog:
    """The catalog of all packages; nothing is described before it is started or refreshed."""
    named = (*settings.processing.packages, *settings.packages)
    packages = (*named, *(installed() if settings.processing.entrypoints else ()))
    describer = OverridingDescriber(found.describer, settings.processes, mode=found.default)
    return PackageCatalog(packages, describer, interval=settings.processing.reload)


@contextmanager
def open_catalog(settings: Settings) -> Iterator[PackageCatalog]:
    """What the settings publish, described as the server would. Raises CannotServe."""
    with passable_directory() as folder, modes.opened(settings, folder, folder / "slots") as found:
        catalog = catalog_of(settings, found)
        catalog.refresh()
        yield catalog


def strays(settings: Settings, catalog: Catalog) -> list[str]:
    """A line for each table of a process that there is not; none while a package is broken, whose it may be."""
    if catalog.problems():
        return []
    known = {published.description.id: None for published in catalog.processes()}
    return [
        f"[processes.{name}] has no effect: there is no such process{hint(name, known)}"
        for name in settings.processes
        if name not in known
    ]


@contextmanager
def passable_directory() -> Iterator[Path]:
    """A temporary directory that executions of another account may pass through."""
    with tempfile.TemporaryDirectory(prefix="cloche-") as folder:
        path = Path(folder)
        path.chmod(0o711)
        yield path
