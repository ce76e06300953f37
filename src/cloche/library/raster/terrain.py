"""raster_slope, raster_aspect, raster_hillshade: from the gradients of an elevation model."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np

from cloche.library.raster.grids import NODATA, cell_metres, check_band, check_size, raster, read_rows, strips
from cloche.process import Input, Job, Limits, Output, Raster, process

_LIMITS = Limits(memory="2GiB", time="10min")
_KEYWORDS = ["raster", "terrain", "elevation", "DEM"]

Elevation = Annotated[Raster, Input("Elevation model")]
Band = Annotated[int, Input("Band", minimum=1)]
Height = Annotated[
    float,
    Input("Metres of one unit of height", exclusive_minimum=0, abstract="1 for metres, 0.3048 for feet."),
]
Edges = Annotated[
    bool,
    Input(
        "Cells at edges",
        abstract="True: where a neighbour is missing, the slope on the other side goes on. False: no data there.",
    ),
]


@process(version="1.0.0", keywords=[*_KEYWORDS, "slope"], limits=_LIMITS)
def raster_slope(
    elevation: Elevation,
    *,
    unit: Annotated[Literal["degree", "percent"], Input("Unit of the result")] = "degree",
    height_unit: Height = 1.0,
    edges: Edges = True,
    band: Band = 1,
    job: Job,
) -> Annotated[Raster, Output("Slope")]:
    """Slope.

    How steep each cell is, by Horn's method over its eight neighbours. Cells of data in degrees and in Mercator
    projections are measured in metres on the ellipsoid, row by row.
    """

    def slope(east: Any, north: Any) -> Any:
        steepness = np.hypot(east, north)
        return steepness * 100 if unit == "percent" else np.degrees(np.arctan(steepness))

    return _terrain(elevation, band, height_unit, edges, job, slope)


@process(version="1.0.0", keywords=[*_KEYWORDS, "aspect", "exposition"], limits=_LIMITS)
def raster_aspect(
    elevation: Elevation,
    *,
    edges: Edges = True,
    band: Band = 1,
    job: Job,
) -> Annotated[Raster, Output("Aspect in degrees, clockwise from north; -1 where it is flat")]:
    """Aspect.

    The direction that each cell slopes down to: 0 is north, 90 east. By Horn's method over its eight neighbours.
    """

    def aspect(east: Any, north: Any) -> Any:
        direction = np.degrees(np.arctan2(-east, -north)) % 360
        return np.where((east == 0) & (north == 0), -1.0, direction)

    return _terrain(elevation, band, 1.0, edges, job, aspect)


@process(version="1.0.0", keywords=[*_KEYWORDS, "hillshade", "relief"], limits=_LIMITS)
def raster_hillshade(
    elevation: Elevation,
    *,
    azimuth: Annotated[float, Input("Direction of the sun", minimum=0, maximum=360, unit="degree")] = 315.0,
    altitude: Annotated[float, Input("Height of the sun", minimum=0, maximum=90)] = 45.0,
    height_unit: Height = 1.0,
    edges: Edges = True,
    band: Band = 1,
    job: Job,
) -> Annotated[Raster, Output("Brightness from 1 to 255; 0: no data")]:
    """Hillshade.

    Relief lit by the sun. A unit of height that is larger than it is exaggerates the relief.

    Args:
        azimuth: Clockwise from north, in degrees.
        altitude: Above the horizon, in degrees.
    """
    sun, zenith = np.radians(azimuth), np.radians(90 - altitude)

    def brightness(east: Any, north: Any) -> Any:
        # the cosine of the angle between the sun and the surface's normal
        lit = np.cos(zenith) - np.sin(zenith) * (np.sin(sun) * east + np.cos(sun) * north)
        return 1 + 254 * np.clip(lit / np.sqrt(1 + east**2 + north**2), 0, 1)

    return _terrain(elevation, band, height_unit, edges, job, brightness, dtype="uint8", hole=0)


def _terrain(
    elevation: Raster,
    band: int,
    height_unit: float,
    edges: bool,  # noqa: FBT001 - handed on from the process
    job: Job,
    compute: Callable[[Any, Any], Any],
    *,
    dtype: str = "float32",
    hole: float = NODATA,
) -> Any:
    """``compute`` of the gradients to the east and to the north (metres by metre), strip by strip."""
    with elevation.open() as dataset:
        check_band(dataset, band)
        check_size(dataset.width, dataset.height)
        width, height = cell_metres(dataset)
        southwards = dataset.transform.e < 0
        result = np.full((dataset.height, dataset.width), hole, dtype=dtype)
        for strip in strips(dataset.height, dataset.width):
            job.progress(95 * strip.share, "computing")
            rows = read_rows(dataset, band, strip.start - 1, strip.stop + 1) * height_unit
            across, down = _gradients(rows, edges=edges)
            east = across / width[strip.start : strip.stop, np.newaxis]
            north = down / height[strip.start : strip.stop, np.newaxis] * (-1 if southwards else 1)
            cells = compute(east, north)
            cells = np.where(np.isfinite(cells), cells, hole)
            result[strip.start : strip.stop] = cells if dtype == "float32" else np.round(cells)
        return raster(result, dataset, hole)


def _gradients(rows: Any, *, edges: bool) -> tuple[Any, Any]:
    """Change by one cell to the right and by one cell down (Horn 1981), for all but the first and last row."""
    cells = np.pad(rows, ((0, 0), (1, 1)), constant_values=np.nan)
    centre = cells[1:-1, 1:-1]
    height, width = centre.shape

    def neighbour(down: int, right: int) -> Any:
        return cells[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    def side(down: int, right: int) -> Any:
        found = neighbour(down, right)
        return _first_known(found, 2 * centre - neighbour(-down, -right), centre) if edges else found

    b, d, f, h = side(-1, 0), side(0, -1), side(0, 1), side(1, 0)

    def corner(down: int, right: int, beside: Any, above: Any) -> Any:
        found = neighbour(down, right)
        if not edges:
            return found
        return _first_known(found, 2 * centre - neighbour(-down, -right), beside + above - centre)

    a, c = corner(-1, -1, b, d), corner(-1, 1, b, f)
    g, i = corner(1, -1, h, d), corner(1, 1, h, f)
    across = ((c + 2 * f + i) - (a + 2 * d + g)) / 8
    down = ((g + 2 * h + i) - (a + 2 * b + c)) / 8
    absent = np.isnan(centre)
    across[absent] = np.nan
    return across, down


def _first_known(*candidates: Any) -> Any:
    """Cell by cell the first that is not NaN."""
    found = candidates[0]
    for candidate in candidates[1:]:
        absent = np.isnan(found)
        if not absent.any():
            break
        found = np.where(absent, candidate, found)
    return found
