"""Reading rasters from strangers: the declared driver only, nothing beside the file, and cells of every band read."""

import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloche.authoring.errors import WrongData
from cloche.authoring.hdf5 import survive
from cloche.authoring.raster_formats import NETCDF, PNG, TILED, RasterFormat

_ALL_CELLS = 4_000_000  # up to here every cell is read for the check; beyond, the first and last block of each band
_CHUNK = 1 << 20
_ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a raster says of itself. ``bounds``: west, south, east, north in ``crs``; ``resolution`` across and down."""

    width: int
    height: int
    bands: int
    dtypes: tuple[str, ...]
    names: tuple[str, ...]
    nodata: float | None
    crs: str | None
    bounds: tuple[float, float, float, float]
    resolution: tuple[float, float]


def stage(path: Path, kind: RasterFormat, directory: Path) -> Path:
    """A link with the right suffix, alone in ``directory``. Raises WrongData for what is no such file."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head.strip():
        raise WrongData("it is empty")
    if not head.lstrip().lower().startswith(kind.magic):
        raise WrongData(f"it does not begin as {kind.title} does")
    if kind is PNG:
        check_png(path)
    link = directory / f"data{kind.suffix}"
    link.symlink_to(path.resolve())
    return link


def check_png(path: Path) -> None:
    """Raises WrongData where a chunk is missing or damaged: GDAL takes a truncated picture for a whole one."""
    with path.open("rb") as file:
        file.seek(8)
        while True:
            head = file.read(8)
            if len(head) < 8:
                raise WrongData("it ends in the middle of the picture")
            rest, checksum = int.from_bytes(head[:4]), zlib.crc32(head[4:])
            while chunk := file.read(min(rest, _CHUNK)):
                checksum = zlib.crc32(chunk, checksum)
                rest -= len(chunk)
            if rest or int.from_bytes(file.read(4)) != checksum:
                raise WrongData("it ends in the middle of the picture, or is damaged")
            if head[4:] == b"IEND":
                return


def inspect(path: Path, kind: RasterFormat) -> tuple[Path, Grid]:
    """Check a staged file; what to open from then on, and what it is.

    Variables of a NetCDF file that share one grid become the bands of a GeoTIFF beside it. Raises WrongData.
    """
    stacked = path.with_name("variables.tif")
    done = survive(path, lambda: _inspect(path, kind, stacked))
    return _inspect_stacked(stacked) if done and stacked.exists() else _inspect(path, kind, stacked)


def _inspect(path: Path, kind: RasterFormat, stacked: Path) -> tuple[Path, Grid]:
    with strictly(), errors_as_wrong_data(), open_strictly(path, kind.reader) as dataset:
        variables = list(dataset.subdatasets) if not dataset.count else []
        if not variables:
            return path, _check(dataset)
    with strictly(), errors_as_wrong_data():
        _stack(variables, stacked)
    return _inspect_stacked(stacked)


def _inspect_stacked(path: Path) -> tuple[Path, Grid]:
    with strictly(), errors_as_wrong_data(), open_strictly(path, "GTiff") as dataset:
        return path, _check(dataset)


def open_strictly(path: Path | str, driver: str) -> Any:
    """A rasterio dataset by that driver or not at all; one without georeference is opened without complaint."""
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        return rasterio.open(path, driver=driver)


@contextmanager
def strictly() -> Iterator[None]:
    """GDAL looks at nothing beside the file and writes nothing beside it."""
    import rasterio

    with rasterio.Env(**_ALONE), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def errors_as_wrong_data() -> Iterator[None]:
    """What rasterio raises about a file becomes WrongData, without our paths."""
    import rasterio

    try:
        yield
    except (rasterio.errors.RasterioError, MemoryError) as error:
        text = re.sub(r"[^\s'\"]*/", "", " ".join(str(error.__cause__ or error).split()))
        raise WrongData(f"it cannot be read: {text[:300]}") from None


def _check(dataset: Any) -> Grid:
    if not dataset.count:
        raise WrongData("it holds no band")
    if any(str(dtype).startswith(("complex", "cint")) for dtype in dataset.dtypes):
        raise WrongData("it holds complex numbers")
    for band in dataset.indexes:
        for window in _windows(dataset, band):
            dataset.read(band, window=window)
    return describe(dataset)


def _windows(dataset: Any, band: int) -> Iterator[Any]:
    from rasterio.windows import Window

    if dataset.width * dataset.height <= _ALL_CELLS:
        yield Window(0, 0, dataset.width, dataset.height)
        return
    height, width = dataset.block_shapes[band - 1]
    yield dataset.block_window(band, 0, 0)
    yield dataset.block_window(band, (dataset.height - 1) // height, (dataset.width - 1) // width)


def describe(dataset: Any) -> Grid:
    """What an open dataset says of itself."""
    bounds = dataset.bounds
    return Grid(
        width=dataset.width,
        height=dataset.height,
        bands=dataset.count,
        dtypes=tuple(str(dtype) for dtype in dataset.dtypes),
        names=tuple(name or "" for name in dataset.descriptions),
        nodata=dataset.nodata,
        crs=dataset.crs.to_string() if dataset.crs else None,
        bounds=(bounds.left, bounds.bottom, bounds.right, bounds.top),
        resolution=(float(dataset.res[0]), float(dataset.res[1])),
    )


def _stack(variables: list[str], target: Path) -> None:
    """The variables on the largest grid as bands of one GeoTIFF; others (bounds of cells, say) are left out."""
    import numpy as np
    import rasterio

    shapes: dict[str, tuple[int, ...]] = {}
    for name in variables:
        with open_strictly(name, NETCDF.reader) as dataset:
            if np.dtype(dataset.dtypes[0]).kind in "iuf":
                shapes[name] = (dataset.height * dataset.width, dataset.height, dataset.width, dataset.count)
    if not shapes:
        raise WrongData("it holds no variable on a grid")
    largest = max(shapes.values())[:3]
    chosen = [name for name, shape in shapes.items() if shape[:3] == largest]
    with open_strictly(chosen[0], NETCDF.reader) as first:
        profile = {"crs": first.crs, "transform": first.transform, "nodata": first.nodata, "driver": "GTiff"}
    profile |= {"height": largest[1], "width": largest[2], "count": sum(shapes[name][3] for name in chosen), **TILED}
    types = [_dtype(name) for name in chosen]
    profile["dtype"] = np.result_type(*types).name
    with rasterio.open(target, "w", **profile) as stacked:
        band = 0
        for name in chosen:
            with open_strictly(name, NETCDF.reader) as dataset:
                for index in dataset.indexes:
                    band += 1
                    _copy_band(dataset, index, stacked, band, name.rsplit(":", 1)[-1])


def _dtype(name: str) -> str:
    with open_strictly(name, NETCDF.reader) as dataset:
        return str(dataset.dtypes[0])


def _copy_band(source: Any, index: int, target: Any, band: int, name: str) -> None:
    import numpy as np

    cells = source.read(index, masked=True)
    if target.nodata is not None:
        cells = cells.filled(target.nodata)
    target.write(np.asarray(cells).astype(target.dtypes[0]), band)
    target.set_band_description(band, name if source.count == 1 else f"{name} {index}")
