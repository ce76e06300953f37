"""raster_reproject, raster_convert."""

from typing import Annotated, Literal

import numpy as np
import pyproj
import rasterio
from rasterio.enums import Resampling
from rasterio.warp import calculate_default_transform, reproject

from cloche.library.raster.grids import check_size, nodata_for, raster
from cloche.process import Input, Job, Limits, Output, ProcessError, Raster, process

_LIMITS = Limits(memory="3GiB", time="15min")


@process(version="1.0.0", keywords=["raster", "projection", "coordinates", "CRS", "resampling"], limits=_LIMITS)
def raster_reproject(
    source: Annotated[Raster, Input("Raster to transform")],
    crs: Annotated[str, Input("Target coordinate reference system")] = "EPSG:4326",
    *,
    resolution: Annotated[float | None, Input("Size of the new cells", exclusive_minimum=0)] = None,
    resampling: Annotated[
        Literal["nearest", "bilinear", "cubic", "average", "mode", "min", "max", "med"], Input("Resampling")
    ] = "nearest",
    nodata: Annotated[float | None, Input("Value for cells without data")] = None,
    job: Job,
) -> Annotated[Raster, Output("Transformed raster")]:
    """Reproject a raster.

    Computes the cells of a new grid in another coordinate reference system.

    Args:
        crs: As authority and code such as EPSG:25832, URN, URL, PROJ string or WKT.
        resolution: In units of the target system; else about as fine as the source.
        resampling: nearest keeps values (classes, pictures); bilinear and cubic interpolate measurements.
        nodata: Else the raster's own, NaN for floating point numbers, 0 for whole numbers.
    """
    target = _target(crs)
    with source.open() as dataset:
        if dataset.crs is None:
            raise ProcessError("source: the raster does not name its coordinate reference system", input="source")
        hole = nodata_for(dataset, nodata)
        try:
            transform, width, height = calculate_default_transform(
                dataset.crs, target, dataset.width, dataset.height, *dataset.bounds, resolution=resolution
            )
        except rasterio.errors.RasterioError as error:
            raise ProcessError(f"the raster reaches beyond what {crs[:100]} can show", input="crs") from error
        check_size(width, height, dataset.count)
        result = np.full((dataset.count, height, width), hole, dtype=dataset.dtypes[0])
        for band in dataset.indexes:
            job.progress(90 * band / (dataset.count + 1), f"band {band}")
            reproject(
                source=rasterio.band(dataset, band),
                destination=result[band - 1],
                dst_transform=transform,
                dst_crs=target,
                src_nodata=dataset.nodata,
                dst_nodata=hole,
                resampling=Resampling[resampling],
                num_threads=1,
            )
        return raster(result, dataset, hole, crs=target, transform=transform)


def _target(text: str) -> rasterio.CRS:
    try:
        return rasterio.CRS.from_wkt(pyproj.CRS.from_user_input(text.strip()).to_wkt())
    except (pyproj.exceptions.CRSError, rasterio.errors.CRSError):
        raise ProcessError(
            f"{text[:100]!r} is no coordinate reference system that is known here", input="crs"
        ) from None


@process(version="1.0.0", keywords=["raster", "format", "conversion"], limits=_LIMITS)
def raster_convert(
    source: Annotated[Raster, Input("Raster to convert")],
) -> Annotated[Raster, Output("The same raster in the format that is asked for")]:
    """Convert a raster.

    From any supported format to any other. PNG shows a picture: numbers other than 8 and 16 bit are stretched to
    grey, cells without data are transparent. An ASCII grid holds one band and no coordinate reference system.
    """
    return source
