"""raster_contour."""

from typing import Annotated, Any

import contourpy
import geopandas as gpd
import numpy as np
import shapely

from cloche.library.raster.grids import check_band, check_size, read_rows
from cloche.process import Input, Job, Limits, Output, ProcessError, Raster, Vector, process

_MAX_LEVELS = 1000


@process(
    version="1.0.0",
    keywords=["raster", "terrain", "elevation", "contour", "isoline"],
    limits=Limits(memory="2GiB", time="15min"),
)
def raster_contour(
    elevation: Annotated[Raster, Input("Elevation model, or any raster of measurements")],
    interval: Annotated[float, Input("Interval", exclusive_minimum=0)] = 100.0,
    *,
    base: Annotated[float, Input("Level from which intervals are counted")] = 0.0,
    levels: Annotated[list[float], Input("Levels instead of an interval", max_occurs=_MAX_LEVELS)] = [],  # noqa: B006
    band: Annotated[int, Input("Band", minimum=1)] = 1,
    job: Job,
) -> Annotated[Vector, Output("Contour lines with the attribute elevation")]:
    """Contour lines.

    Lines of equal value, interpolated between the centres of cells; they end where there are no data. One feature
    for each level.
    """
    with elevation.open() as dataset:
        check_band(dataset, band)
        check_size(dataset.width, dataset.height)
        job.progress(5, "reading")
        cells = np.ma.masked_invalid(read_rows(dataset, band, 0, dataset.height))
        transform, crs = dataset.transform, dataset.crs.to_wkt() if dataset.crs else None
    wanted = sorted(set(levels)) or _levels(cells, interval, base)
    found: list[float] = []
    shapes: list[Any] = []
    if min(cells.shape) >= 2 and wanted:
        generator = contourpy.contour_generator(z=cells, name="serial", corner_mask=True)
        for number, level in enumerate(wanted):
            job.progress(10 + 85 * number / len(wanted), f"level {level:g}")
            lines = [_placed(line, transform) for line in generator.lines(level)]
            if lines:
                found.append(level)
                shapes.append(shapely.multilinestrings(lines) if len(lines) > 1 else lines[0])
    return gpd.GeoDataFrame({"elevation": np.array(found, dtype="float64")}, geometry=shapes, crs=crs)


def _levels(cells: Any, interval: float, base: float) -> list[float]:
    """Raises ProcessError, which names the input ``interval``, for more than a thousand."""
    if cells.mask.all():
        return []
    first, last = np.ceil((cells.min() - base) / interval), np.floor((cells.max() - base) / interval)
    if last - first + 1 > _MAX_LEVELS:
        raise ProcessError(
            f"values from {cells.min():g} to {cells.max():g} make {last - first + 1:.0f} contours; "
            f"at most {_MAX_LEVELS} are drawn",
            input="interval",
        )
    return [float(base + number * interval) for number in np.arange(first, last + 1)]


def _placed(line: Any, transform: Any) -> Any:
    """Columns and rows of cell centres as coordinates."""
    column, row = line[:, 0] + 0.5, line[:, 1] + 0.5
    x = transform.a * column + transform.b * row + transform.c
    y = transform.d * column + transform.e * row + transform.f
    return shapely.linestrings(np.column_stack([x, y]))
