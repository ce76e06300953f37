"""raster_polygonize."""

from typing import Annotated, Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from rasterio.features import shapes as trace

from cloche.library.raster.grids import check_band, check_size
from cloche.process import Input, Job, Limits, Output, ProcessError, Raster, Vector, process

_MAX_POLYGONS = 500_000
_TRACEABLE = ("uint8", "int16", "uint16", "int32", "float32")


@process(
    version="1.0.0",
    keywords=["raster", "polygon", "vectorization", "conversion"],
    limits=Limits(memory="3GiB", time="15min"),
)
def raster_polygonize(
    source: Annotated[Raster, Input("Raster of classes")],
    *,
    band: Annotated[int, Input("Band", minimum=1)] = 1,
    neighbours: Annotated[
        Literal[4, 8], Input("Neighbours", abstract="8: cells that touch at a corner belong together")
    ] = 4,
    attribute: Annotated[str, Input("Name of the attribute")] = "value",
    job: Job,
) -> Annotated[Vector, Output("Polygons with the value of their cells")]:
    """Polygonize.

    Polygons around neighbouring cells of one value; cells without data are left out. Meant for classes: measurements
    make a polygon for nearly each cell. 64 bit numbers are traced as 32 bit.
    """
    with source.open() as dataset:
        check_band(dataset, band)
        check_size(dataset.width, dataset.height)
        job.progress(5, "reading")
        cells = np.ma.masked_invalid(dataset.read(band, masked=True))
        transform, crs = dataset.transform, dataset.crs.to_wkt() if dataset.crs else None
    values: list[float] = []
    polygons: list[Any] = []
    job.progress(10, "tracing")
    traced = trace(_traceable(cells), mask=~np.ma.getmaskarray(cells), connectivity=neighbours, transform=transform)
    for polygon, value in traced:
        if len(values) == _MAX_POLYGONS:
            raise ProcessError(f"there are more than {_MAX_POLYGONS:,} polygons: classify the raster first")
        values.append(value)
        polygons.append(shapely.geometry.shape(polygon))
    dtype = "float64" if cells.dtype.kind == "f" else "int64"
    return gpd.GeoDataFrame({attribute or "value": np.array(values, dtype=dtype)}, geometry=polygons, crs=crs)


def _traceable(cells: Any) -> Any:
    """The cells in a type that GDAL traces. Raises ProcessError for whole numbers beyond 32 bit."""
    if cells.dtype.name in _TRACEABLE:
        return cells.data
    if cells.dtype.kind == "f":
        return cells.filled(0).astype("float32")
    limits = np.iinfo("int32")
    if cells.count() and not limits.min <= cells.min() <= cells.max() <= limits.max:
        raise ProcessError("the raster holds whole numbers beyond 32 bit, which cannot be traced")
    return cells.filled(0).astype("int32")
