"""Raster data: what an author gets for an input, and all that an author may return for an output."""

import shutil
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cloche.authoring.errors import ProcessError, WrongData
from cloche.authoring.raster_formats import (
    COG,
    GEOTIFF,
    RASTER_FORMATS,
    RasterFormat,
    find_raster_format,
    raster_formats,
)
from cloche.authoring.raster_read import Grid, inspect, open_strictly, stage
from cloche.authoring.raster_write import write_array, write_raster
from cloche.model.formats import Format

if TYPE_CHECKING:
    from rasterio import DatasetReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """A raster in a file that has been checked.

    ``path`` is what GDAL opens, ``file`` the file as it came; they differ in name, and for a NetCDF file of several
    variables, which are the bands of a GeoTIFF at ``path``.
    """

    file: Path
    path: Path
    kind: RasterFormat
    grid: Grid

    @staticmethod
    def preload() -> None:
        """Import what reading and writing need, so that what is forked afterwards need not; nothing else happens."""
        for name in ("numpy", "rasterio", "rasterio.enums", "rasterio.shutil", "rasterio.windows"):
            import_module(name)

    @classmethod
    def formats(cls) -> tuple[Format, ...]:
        """The supported formats, the default first."""
        return raster_formats()

    @classmethod
    def receive(cls, path: Path, format: Format, workdir: Path) -> Self:
        """Check a file that came from a client. Raises WrongData, which says what is wrong with it."""
        kind = find_raster_format(format)
        if kind is None:
            raise WrongData(f"{format.media_type} is not a format of raster data")
        return cls._open(path, kind, workdir)

    @classmethod
    def from_file(cls, path: Path, workdir: Path) -> Self:
        """A file that the process itself has written, in any of the formats. Raises WrongData."""
        with path.open("rb") as file:
            head = file.read(64).lower()
        kind = next((known for known in RASTER_FORMATS if head.lstrip().startswith(known.magic)), None)
        if kind is None:
            raise WrongData("it is no raster format that is known here")
        return cls._open(path, kind, workdir)

    @classmethod
    def _open(cls, path: Path, kind: RasterFormat, workdir: Path) -> Self:
        link = stage(path, kind, Path(tempfile.mkdtemp(dir=workdir, prefix="raster-")))
        opened, grid = inspect(link, kind)
        return cls(file=path, path=opened, kind=kind, grid=grid)

    @classmethod
    def deliver(cls, value: object, format: Format, directory: Path, name: str) -> Path:
        """Write what a process returned as ``directory/name`` with a suffix, in ``format``.

        ``value`` is a Raster, a pair of array and rasterio profile, the path of a file, or its bytes. Raises
        ProcessError.
        """
        kind = find_raster_format(format)
        if kind is None:
            raise ProcessError(f"{format.media_type} is not a format of raster data")
        target = directory / f"{name}{kind.suffix}"
        with tempfile.TemporaryDirectory(dir=directory, prefix=".reading-") as scratch:
            match value:
                case (array, profile):
                    _deliver_array(array, profile, kind, target, Path(scratch))
                case _:
                    _deliver_raster(cls._of(value, Path(scratch)), kind, target)
        return target

    @classmethod
    def _of(cls, value: object, scratch: Path) -> "Raster":
        if isinstance(value, Raster):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            path = scratch / "returned"
            path.write_bytes(value)
            return cls.from_file(path, scratch)
        if isinstance(value, str | Path):
            return cls.from_file(Path(value), scratch)
        raise ProcessError(f"A process returned {type(value).__name__} where a raster was expected")

    @property
    def crs(self) -> str | None:
        """The coordinate reference system, as authority and code or as WKT."""
        return self.grid.crs

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in its own system."""
        return self.grid.bounds

    def bytes(self) -> bytes:
        """The file as it came."""
        return self.file.read_bytes()

    def open(self) -> "DatasetReader":
        """An open rasterio dataset; use it in a ``with``."""
        dataset: DatasetReader = open_strictly(self.path, self.driver)
        return dataset

    @property
    def driver(self) -> str:
        """The GDAL driver that reads ``path``."""
        return "GTiff" if self.path.suffix == GEOTIFF.suffix else self.kind.reader


def _deliver_array(array: Any, profile: Any, kind: RasterFormat, target: Path, scratch: Path) -> None:
    if kind is GEOTIFF:
        write_array(array, profile, target)
        return
    plain = scratch / "array.tif"
    write_array(array, profile, plain)
    write_raster(plain, "GTiff", kind, target)


def _deliver_raster(raster: Raster, kind: RasterFormat, target: Path) -> None:
    same = raster.kind is kind or (raster.kind is COG and kind is GEOTIFF)  # a COG is a GeoTIFF, not the reverse
    if kind.verbatim and same:
        shutil.copyfile(raster.file, target)
    else:
        write_raster(raster.path, raster.driver, kind, target)
