"""Writing a raster in any format: what a format cannot hold is changed to what it can, or refused in words."""

import tempfile
from pathlib import Path
from typing import Any

from cloche.authoring.errors import ProcessError
from cloche.authoring.raster_formats import ASCII_GRID, COG, PNG, TILED, RasterFormat
from cloche.authoring.raster_read import open_strictly, strictly

_DEFAULT_NODATA = -9999.0
_NOWHERE = (1, 0, 0, 0, 1, 0)
_PNG_TYPES = ("uint8", "uint16")


def write_array(array: Any, profile: Any, path: Path) -> None:
    """An array (rows, columns) or (bands, rows, columns) and its rasterio profile as a GeoTIFF.

    A masked array's holes become the profile's ``nodata``, by default -9999 or NaN or the largest number of the type.
    Raises ProcessError where the two do not fit.
    """
    import numpy as np
    import rasterio

    cells: Any = np.ma.asarray(array)
    cells = cells[np.newaxis] if cells.ndim == 2 else cells
    if cells.ndim != 3 or 0 in cells.shape:
        raise ProcessError(f"A process returned an array of shape {cells.shape} where a raster was expected")
    dtype = _dtype(cells.dtype)
    nodata = profile.get("nodata")
    if nodata is None and np.ma.is_masked(cells):
        nodata = np.nan if dtype.kind == "f" else np.iinfo(dtype).max if dtype.kind == "u" else _DEFAULT_NODATA
    options = {key: profile[key] for key in ("crs", "transform") if profile.get(key) is not None}
    if tuple(options.get("transform", ()))[:6] == _NOWHERE:
        del options["transform"]  # rasterio's word for none; written down, it would turn the raster upside down
    predictor = 3 if dtype.kind == "f" else 2
    shape = {"count": cells.shape[0], "height": cells.shape[1], "width": cells.shape[2], "dtype": dtype.name}
    try:
        with (
            strictly(),
            rasterio.open(
                path, "w", driver="GTiff", nodata=nodata, predictor=predictor, **shape, **options, **TILED
            ) as f,
        ):
            cells = cells.astype(dtype)
            f.write(cells.filled(nodata) if nodata is not None else cells.data)
    except (rasterio.errors.RasterioError, ValueError) as error:
        raise ProcessError(f"The result cannot be written as GeoTIFF: {error}") from error


def _dtype(dtype: Any) -> Any:
    """The nearest type that GeoTIFF and its readers know."""
    import numpy as np

    if dtype.kind == "b":
        return np.dtype("uint8")
    if dtype == np.float16:
        return np.dtype("float32")
    if dtype.kind not in "iuf":
        raise ProcessError(f"A process returned an array of {dtype} where numbers were expected")
    return dtype


def write_raster(source: Path, driver: str, kind: RasterFormat, target: Path) -> None:
    """The raster in ``source`` (opened by that driver) as ``target``. Raises ProcessError."""
    import rasterio
    import rasterio.shutil

    with strictly(), tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as scratch:
        written = Path(scratch) / target.name
        try:
            ready, driver = _prepare(source, driver, kind, Path(scratch))
            with open_strictly(ready, driver) as dataset:
                rasterio.shutil.copy(dataset, written, driver=kind.writer, **_options(kind, dataset))
        except rasterio.errors.RasterioError as error:
            raise ProcessError(f"The result cannot be written as {kind.title}: {error.__cause__ or error}") from error
        written.replace(target)


def _options(kind: RasterFormat, dataset: Any) -> dict[str, Any]:
    options: dict[str, Any] = dict(kind.options)
    if kind is COG:
        options["PREDICTOR"] = "YES"
        options["RESAMPLING"] = "AVERAGE" if "float" in dataset.dtypes[0] else "NEAREST"
    return options


def _prepare(source: Path, driver: str, kind: RasterFormat, scratch: Path) -> tuple[Path, str]:
    """A raster that the format can hold: ``source`` itself, or a changed copy."""
    if kind is PNG:
        return _picture(source, driver, scratch / "picture.tif"), "GTiff"
    if kind is ASCII_GRID:
        return _single_grid(source, driver, scratch / "grid.tif")
    return source, driver


def _single_grid(source: Path, driver: str, target: Path) -> tuple[Path, str]:
    import numpy as np
    from rasterio import Affine
    from rasterio.enums import ColorInterp

    with open_strictly(source, driver) as dataset:
        bands = [i for i, use in zip(dataset.indexes, dataset.colorinterp, strict=True) if use != ColorInterp.alpha]
        if len(bands) != 1:
            raise ProcessError(f"An ASCII grid holds one band and the result has {len(bands)}. Ask for another format.")
        if dataset.transform.b or dataset.transform.d:
            raise ProcessError("An ASCII grid cannot be rotated and the result is. Ask for another format.")
        placed = tuple(dataset.transform)[:6] != _NOWHERE
        if dataset.count == 1 and placed and not np.isnan(dataset.nodata or 0):
            return source, driver
        # the driver takes a raster without a place for one that is upside down
        transform = dataset.transform if placed else Affine(1, 0, 0, 0, -1, dataset.height)
        profile = {"crs": dataset.crs, "transform": transform, "nodata": _DEFAULT_NODATA}
        cells = dataset.read(bands, masked=True)
        write_array(cells if cells.dtype.kind == "f" else cells.astype("int32"), profile, target)
    return target, "GTiff"


def _picture(source: Path, driver: str, target: Path) -> Path:
    """What PNG can show: 8 or 16 bit, grey or colour as they are, anything else stretched to 8 bit grey.

    Cells without data become transparent. More than four bands: the first three, as colours.
    """
    import numpy as np

    with open_strictly(source, driver) as dataset:
        shown = list(dataset.indexes)[: 3 if dataset.count > 4 else 4]
        cells = dataset.read(shown, masked=True)
        profile = {"crs": dataset.crs, "transform": dataset.transform}
    if cells.dtype.name not in _PNG_TYPES:
        cells = _stretch(cells)
    mask = np.ma.getmaskarray(cells).any(axis=0)
    layers = cells.filled(0)
    if mask.any() and len(layers) in (1, 3):
        alpha = np.where(mask, 0, np.iinfo(layers.dtype).max).astype(layers.dtype)
        layers = np.concatenate([layers, alpha[np.newaxis]])
    write_array(layers, profile, target)
    return target


def _stretch(cells: Any) -> Any:
    """Each band from its least to its greatest value, as 0 to 255; NaN and infinity are no data."""
    import numpy as np

    cells = np.ma.masked_invalid(cells.astype("float64"))
    low = cells.min(axis=(1, 2), keepdims=True).filled(0)
    high = cells.max(axis=(1, 2), keepdims=True).filled(0)
    span = np.where(high > low, high - low, 1)
    scaled = (cells - low) / span * 255
    return np.ma.array(scaled.filled(0).round().astype("uint8"), mask=np.ma.getmaskarray(scaled))
