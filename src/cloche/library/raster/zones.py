"""raster_clip_by_polygon, raster_zonal_statistics: rasters under polygons."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from rasterio.mask import mask as mask_raster
from rasterio.mask import raster_geometry_mask

from cloche.library.raster.grids import check_band, check_size, nodata_for, raster
from cloche.process import Input, Job, Limits, Output, ProcessError, Raster, Vector, process

_LIMITS = Limits(memory="2GiB", time="15min")
_MAX_ZONES = 200_000
_STATISTICS: dict[str, Callable[[Any], Any]] = {
    "mean": np.mean,
    "min": np.min,
    "max": np.max,
    "range": np.ptp,
    "sum": np.sum,
    "std": np.std,
    "variance": np.var,
    "median": np.median,
    "percentile_10": lambda cells: np.percentile(cells, 10),
    "percentile_90": lambda cells: np.percentile(cells, 90),
    "majority": lambda cells: _by_frequency(cells, -1),
    "minority": lambda cells: _by_frequency(cells, 0),
    "variety": lambda cells: len(np.unique(cells)),
}
Statistic = Literal[
    "count", "mean", "min", "max", "range", "sum", "std", "variance", "median", "percentile_10", "percentile_90",
    "majority", "minority", "variety",
]  # fmt: skip
Touched = Annotated[
    bool,
    Input("All cells that are touched", abstract="False: those whose centre lies within; small zones may get none."),
]


@process(version="1.0.0", keywords=["raster", "clip", "mask", "polygon"], limits=_LIMITS)
def raster_clip_by_polygon(
    source: Annotated[Raster, Input("Raster to clip")],
    polygons: Annotated[Vector, Input("Polygons to clip with")],
    *,
    crop: Annotated[bool, Input("Crop to the bounds of the polygons")] = True,
    all_touched: Touched = False,
    nodata: Annotated[float | None, Input("Value for cells outside")] = None,
) -> Annotated[Raster, Output("Clipped raster")]:
    """Clip a raster by polygons.

    Cells outside of polygons become cells without data. Polygons of another coordinate reference system are
    transformed.

    Args:
        nodata: Else the raster's own, NaN for floating point numbers, 0 for whole numbers.
    """
    with source.open() as dataset:
        shapes = list(_zones(polygons, "polygons", dataset).geometry)
        check_size(dataset.width, dataset.height, dataset.count)
        hole = nodata_for(dataset, nodata)
        if not shapes:
            raise ProcessError("polygons: there are none", input="polygons")
        try:
            cells, transform = mask_raster(dataset, shapes, crop=crop, all_touched=all_touched, nodata=hole)
        except ValueError as error:
            raise ProcessError("the polygons and the raster do not overlap", input="polygons") from error
        return raster(cells, dataset, hole, transform=transform)


@process(version="1.0.0", keywords=["raster", "zonal statistics", "polygon"], limits=_LIMITS)
def raster_zonal_statistics(
    source: Annotated[Raster, Input("Raster of measurements")],
    zones: Annotated[Vector, Input("Zones")],
    *,
    statistics: Annotated[list[Statistic], Input("Statistics", max_occurs=14)] = ["count", "mean", "min", "max"],  # noqa: B006
    prefix: Annotated[str, Input("Prefix of the new attributes")] = "",
    all_touched: Touched = False,
    band: Annotated[int, Input("Band", minimum=1)] = 1,
    job: Job,
) -> Annotated[Vector, Output("Zones with a new attribute for each statistic")]:
    """Zonal statistics.

    Summarizes the cells of a raster that lie in each polygon. Cells without data do not count; where no cell is left,
    ``count`` is 0 and the others are empty. Zones of another coordinate reference system are transformed for the
    computation and come back as they were.
    """
    with source.open() as dataset:
        check_band(dataset, band)
        frame = zones.gdf()
        placed = _zones(zones, "zones", dataset, frame)
        rows: dict[str, list[float]] = {name: [] for name in statistics}
        for number, shape in enumerate(placed.geometry):
            if number % 50 == 0:
                job.progress(95 * number / len(placed), f"zone {number + 1} of {len(placed)}")
            cells = _cells_within(dataset, shape, band, all_touched=all_touched)
            for name, values in rows.items():
                values.append(_statistic(name, cells))
    columns: dict[str, Any] = {f"{prefix}{name}": values for name, values in rows.items()}
    if "count" in rows:
        columns[f"{prefix}count"] = np.array(rows["count"], dtype="int64")
    return frame.assign(**columns)


def _zones(vector: Vector, input: str, dataset: Any, frame: Any = None) -> gpd.GeoDataFrame:
    """Polygons in the CRS of the raster. Raises ProcessError, which names the input."""
    if len(vector) > _MAX_ZONES:
        raise ProcessError(f"{input}: {len(vector)} zones are more than {_MAX_ZONES}", input=input)
    zones = vector.gdf() if frame is None else frame
    dimensions = shapely.get_dimensions(zones.geometry.array)
    if ((dimensions >= 0) & (dimensions < 2)).any():
        raise ProcessError(f"{input}: polygons are wanted, and there are points or lines", input=input)
    if frame is None:
        zones = zones[~(zones.geometry.isna() | zones.geometry.is_empty)]
    if dataset.crs is None or zones.crs is None or not len(zones):
        return zones
    return zones.to_crs(dataset.crs.to_wkt())


def _cells_within(dataset: Any, shape: Any, band: int, *, all_touched: bool) -> Any:
    """The values under one polygon, without those that are no data; none where it lies outside."""
    if shape is None or shape.is_empty:
        return np.empty(0)
    try:
        outside, _, window = raster_geometry_mask(dataset, [shape], crop=True, all_touched=all_touched)
    except ValueError:  # no overlap
        return np.empty(0)
    check_size(window.width, window.height)
    cells = np.ma.masked_invalid(dataset.read(band, window=window, masked=True))
    return cells.data[~outside & ~np.ma.getmaskarray(cells)].astype("float64")


def _statistic(name: str, cells: Any) -> float:
    if name == "count":
        return float(len(cells))
    return float(_STATISTICS[name](cells)) if len(cells) else float("nan")


def _by_frequency(cells: Any, place: int) -> Any:
    values, counts = np.unique(cells, return_counts=True)
    return values[np.argsort(counts, kind="stable")[place]]
