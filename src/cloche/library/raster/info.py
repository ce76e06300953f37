"""raster_info."""

from typing import Annotated, Any

import numpy as np
from rasterio.warp import transform_bounds

from cloche.library.raster.grids import read_rows, strips
from cloche.process import Input, Job, Json, Limits, Output, Raster, process


@process(
    version="1.0.0",
    keywords=["raster", "information", "metadata", "statistics"],
    limits=Limits(memory="1GiB", time="10min"),
)
def raster_info(
    source: Annotated[Raster, Input("Raster")],
    *,
    statistics: Annotated[bool, Input("Statistics of the cells")] = True,
    job: Job,
) -> Annotated[Json, Output("Size, bands, CRS, bounds and statistics")]:
    """Describe a raster.

    What a raster holds: size, resolution, bounds, coordinate reference system, and of each band the type of numbers
    and, if wanted, how many cells have data, their least and greatest value, mean and standard deviation.
    """
    with source.open() as dataset:
        bands = []
        for band in dataset.indexes:
            job.progress(95 * (band - 1) / dataset.count, f"band {band}")
            bands.append(_band(dataset, band) | (_statistics(dataset, band) if statistics else {}))
        return {
            "format": source.kind.title,
            "bytes": source.file.stat().st_size,
            "width": dataset.width,
            "height": dataset.height,
            "resolution": list(dataset.res),
            "crs": source.crs,
            "bounds": list(source.bounds),
            "bounds_wgs84": _degrees(dataset),
            "bands": bands,
        }


def _band(dataset: Any, band: int) -> dict[str, Any]:
    nodata = dataset.nodatavals[band - 1]
    return {
        "band": band,
        "name": dataset.descriptions[band - 1] or "",
        "datatype": str(dataset.dtypes[band - 1]),
        "nodata": str(nodata) if nodata is not None and not np.isfinite(nodata) else nodata,
        "meaning": dataset.colorinterp[band - 1].name,
    }


def _degrees(dataset: Any) -> list[float] | None:
    if dataset.crs is None:
        return None
    found = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds, densify_pts=21)
    return [float(number) for number in found] if np.isfinite(found).all() else None


def _statistics(dataset: Any, band: int) -> dict[str, Any]:
    """One pass, strip by strip; mean and deviation are merged as Chan, Golub and LeVeque do."""
    count, mean, deviations = 0, 0.0, 0.0
    low, high = np.inf, -np.inf
    for strip in strips(dataset.height, dataset.width):
        cells = read_rows(dataset, band, strip.start, strip.stop)
        cells = cells[np.isfinite(cells)]
        if not cells.size:
            continue
        low, high = min(low, cells.min()), max(high, cells.max())
        apart, total = cells.mean() - mean, count + cells.size
        deviations += ((cells - cells.mean()) ** 2).sum() + apart**2 * count * cells.size / total
        mean += apart * cells.size / total
        count = total
    if not count:
        return {"cells": 0}
    deviation = float(np.sqrt(deviations / count))
    return {"cells": count, "min": float(low), "max": float(high), "mean": float(mean), "std": deviation}
