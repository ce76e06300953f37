"""raster_calculator."""

from contextlib import ExitStack
from typing import Annotated, Any, Literal

import numpy as np
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from cloche.library.raster.formula import FUNCTIONS, Formula, parse
from cloche.library.raster.grids import check_size, raster, read_rows, strips
from cloche.process import Input, Job, Limits, Output, ProcessError, Raster, process

_NAMES = "ABCDEFGH"
_FUNCTIONS = ", ".join(sorted(FUNCTIONS))


@process(
    version="1.0.0",
    keywords=["raster", "map algebra", "calculator", "index", "NDVI"],
    limits=Limits(memory="3GiB", time="15min"),
)
def raster_calculator(
    rasters: Annotated[list[Raster], Input("Rasters", min_occurs=1, max_occurs=len(_NAMES))],
    expression: Annotated[
        str, Input("Expression", abstract=f"For example (A[4] - A[3]) / (A[4] + A[3]). Functions: {_FUNCTIONS}.")
    ],
    *,
    datatype: Annotated[
        Literal["float32", "float64", "uint8", "int16", "uint16", "int32"], Input("Type of the result's numbers")
    ] = "float32",
    nodata: Annotated[float | None, Input("Value for cells without data")] = None,
    align: Annotated[
        Literal["refuse", "nearest", "bilinear", "cubic", "average"], Input("Rasters on another grid")
    ] = "refuse",
    job: Job,
) -> Annotated[Raster, Output("Computed raster")]:
    """Raster calculator.

    Computes each cell by a formula over the cells of up to eight rasters: A is the first band of the first raster, B
    of the second; A[2] is the second band of the first. Operators: + - * / // % ** comparisons, & | ~ or and, or,
    not; x if condition else y. Constants: pi, e, nodata. A cell without data in any operand makes the result one,
    unless isnodata() asks for it; so do division by zero and numbers that the type of the result cannot hold.

    Args:
        nodata: Else -9999 for floating point numbers, the greatest number of the type for others.
        align: What becomes of rasters that do not lie on the grid of the first: resampled to it, or refused.
    """
    dtype = np.dtype(datatype)
    hole = _hole(dtype, nodata)
    with ExitStack() as stack:
        opened = [stack.enter_context(item.open()) for item in rasters]
        first = opened[0]
        check_size(first.width, first.height)
        named = dict(zip(_NAMES, opened, strict=False))
        formula = parse(expression, {name: dataset.count for name, dataset in named.items()})
        for name, dataset in named.items():
            if not _same_grid(dataset, first):
                named[name] = stack.enter_context(_aligned(name, dataset, first, align))
        result = np.empty((first.height, first.width), dtype=dtype)
        for strip in strips(first.height, first.width * max(1, len(formula.uses))):
            job.progress(95 * strip.share, "computing")
            result[strip.start : strip.stop] = _compute(formula, named, strip.start, strip.stop, hole, dtype)
        return raster(result, first, hole)


def _compute(formula: Formula, named: dict[str, Any], start: int, stop: int, hole: float, dtype: Any) -> Any:
    cells = {(name, band): read_rows(named[name], band, start, stop) for name, band in formula.uses}
    with np.errstate(all="ignore"):
        found = formula.compute(cells)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            found = np.round(found)
            fits = np.isfinite(found) & (found >= limits.min) & (found <= limits.max)
        else:
            fits = np.isfinite(found.astype(dtype))
        return np.where(fits, found, hole).astype(dtype)


def _hole(dtype: Any, wanted: float | None) -> float:
    """Raises ProcessError, which names the input ``nodata``."""
    if dtype.kind == "f":
        return -9999.0 if wanted is None else wanted
    limits = np.iinfo(dtype)
    if wanted is None:
        return float(limits.max)
    if not limits.min <= wanted <= limits.max or wanted != int(wanted):
        raise ProcessError(f"numbers of {dtype} cannot be {wanted:g}", input="nodata")
    return wanted


def _same_grid(dataset: Any, first: Any) -> bool:
    return (
        (dataset.width, dataset.height) == (first.width, first.height)
        and dataset.crs == first.crs
        and bool(np.allclose(tuple(dataset.transform), tuple(first.transform), rtol=1e-9, atol=0))
    )


def _aligned(name: str, dataset: Any, first: Any, how: str) -> Any:
    if how == "refuse":
        raise ProcessError(
            f"raster {name} does not lie on the grid of A ({dataset.width} by {dataset.height} cells at "
            f"{dataset.bounds.left:g}, {dataset.bounds.top:g}): say how to align it, or reproject it first",
            input="rasters",
        )
    if dataset.crs is None or first.crs is None:
        raise ProcessError(
            "rasters can only be aligned if they name their coordinate reference system", input="rasters"
        )
    hole = dataset.nodata if dataset.nodata is not None else (np.nan if "float" in dataset.dtypes[0] else None)
    return WarpedVRT(
        dataset,
        crs=first.crs,
        transform=first.transform,
        width=first.width,
        height=first.height,
        resampling=Resampling[how],
        src_nodata=hole,
        nodata=hole,
        add_alpha=hole is None,  # what lies beside the raster is no data, not 0
    )
