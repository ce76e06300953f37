"""Bands of rasters as the processes want them: read in strips, with NaN where there are no data, cells in metres."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyproj
from rasterio.windows import Window

from cloche.library.ground import ellipsoid_of, is_distorted, metres_per_unit
from cloche.process import ProcessError

MAX_CELLS = 100_000_000
NODATA = -9999.0
_STRIP = 2_000_000  # cells


def check_size(width: float, height: float, bands: int = 1) -> None:
    """Raises ProcessError for more than a hundred million cells."""
    if width * height * bands > MAX_CELLS:
        raise ProcessError(f"{width:.0f} by {height:.0f} cells in {bands} bands are more than {MAX_CELLS:,}")


def check_band(dataset: Any, band: int) -> None:
    """Raises ProcessError, which names the input ``band``, where the raster has no such band."""
    if not 1 <= band <= dataset.count:
        has = "one band" if dataset.count == 1 else f"{dataset.count} bands"
        raise ProcessError(f"there is no band {band}: the raster has {has}", input="band")


class Strip(NamedTuple):
    """Some rows of a raster, over its whole width."""

    start: int
    stop: int
    share: float


def strips(height: int, width: int) -> Iterator[Strip]:
    """All rows, in pieces of about two million cells; ``share`` of them is done before each."""
    rows = max(1, _STRIP // max(width, 1))
    for start in range(0, height, rows):
        yield Strip(start, min(start + rows, height), start / height)


def read_rows(dataset: Any, band: int, start: int, stop: int) -> Any:
    """Rows from ``start`` to ``stop`` as float64, NaN where there are no data; rows outside the raster are NaN too."""
    inner = (max(start, 0), min(stop, dataset.height))
    window = Window(0, inner[0], dataset.width, inner[1] - inner[0])
    cells = dataset.read(band, window=window, masked=True).astype("float64").filled(np.nan)
    return np.pad(cells, ((inner[0] - start, stop - inner[1]), (0, 0)), constant_values=np.nan)


def crs_of(dataset: Any) -> pyproj.CRS | None:
    """The coordinate reference system, if the raster names one."""
    return pyproj.CRS.from_user_input(dataset.crs.to_wkt()) if dataset.crs else None


def cell_metres(dataset: Any) -> tuple[Any, Any]:
    """Width and height of the cells of each row in metres on the ground; without a CRS, units are taken for metres.

    Raises ProcessError for rotated rasters.
    """
    transform = dataset.transform
    if transform.b or transform.d:
        raise ProcessError("the raster is rotated: reproject it first")
    across, down = abs(transform.a), abs(transform.e)
    crs = crs_of(dataset)
    if crs is None or not is_distorted(crs):
        factor = metres_per_unit(crs) if crs else 1.0
        return np.full(dataset.height, across * factor), np.full(dataset.height, down * factor)
    y = transform.f + (np.arange(dataset.height) + 0.5) * transform.e
    x = np.full(dataset.height, transform.c + dataset.width / 2 * transform.a)
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    ellipsoid = ellipsoid_of(crs)
    geod = pyproj.Geod(a=ellipsoid.a, b=ellipsoid.b)

    def apart(dx: float, dy: float) -> Any:
        one, other = to_degrees.transform(x - dx / 2, y - dy / 2), to_degrees.transform(x + dx / 2, y + dy / 2)
        return np.asarray(geod.inv(*one, *other)[2])

    return apart(across, 0), apart(0, down)


def raster(cells: Any, dataset: Any, nodata: float | None, **other: Any) -> Any:
    """What a process returns for an array: on the grid of ``dataset``, or with an ``other`` transform and crs."""
    return cells, {"crs": dataset.crs, "transform": dataset.transform, "nodata": nodata} | other


def nodata_for(dataset: Any, wanted: float | None) -> float:
    """A value for cells without data: the wanted one, the raster's own, NaN, or 0 for whole numbers.

    Raises ProcessError, which names the input ``nodata``, where the cells cannot hold it.
    """
    dtype = np.dtype(dataset.dtypes[0])
    if wanted is None:
        own = dataset.nodata
        return float(own) if own is not None else float("nan") if dtype.kind == "f" else 0.0
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not (limits.min <= wanted <= limits.max and wanted == int(wanted)):
            raise ProcessError(f"cells of {dtype} cannot hold {wanted:g}", input="nodata")
    return wanted
