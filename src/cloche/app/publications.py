"""What the settings publish."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloche.app import modes
from cloche.app.modes import Modes
from cloche.app.overrides import OverridingDescriber
from cloche.app.settings import Settings
from cloche.catalog.catalog import PackageCatalog
from cloche.catalog.discovery import installed


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


@contextmanager
def passable_directory() -> Iterator[Path]:
    """A temporary directory that executions of another account may pass through."""
    with tempfile.TemporaryDirectory(prefix="cloche-") as folder:
        path = Path(folder)
        path.chmod(0o711)
        yield path
