"""Vector data: what an author gets for an input, and all that an author may return for an output."""

import shutil
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cloche.authoring.errors import ProcessError, WrongData
from cloche.authoring.vector_formats import (
    CSV,
    FLATGEOBUF,
    GEOJSON,
    GEOPACKAGE,
    GML31,
    KML,
    SHAPEFILE,
    VectorFormat,
    find_vector_format,
    vector_formats,
)
from cloche.authoring.vector_read import Layer, inspect, read_frame
from cloche.authoring.vector_stage import stage
from cloche.authoring.vector_write import write_frame
from cloche.authoring.wellformed import read_xml
from cloche.model.formats import Format

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """Features in a file that has been checked.

    ``path`` is what GDAL opens: the file as it came, under the usual suffix; of a zipped Shapefile the (first) .shp.
    ``file`` is the file as it came.
    """

    file: Path
    kind: VectorFormat
    layers: tuple[Layer, ...]

    @classmethod
    def formats(cls) -> tuple[Format, ...]:
        """The supported formats, the default first."""
        return vector_formats()

    @staticmethod
    def preload() -> None:
        """Import what reading and writing need, so that what is forked afterwards need not; nothing else happens."""
        for name in ("geopandas", "pyogrio", "pyproj", "shapely"):
            import_module(name)

    @classmethod
    def formats_with_crs(cls) -> tuple[Format, ...]:
        """Those that bear any coordinate reference system, for outputs whose system is the point."""
        return tuple(f for f in vector_formats() if (kind := find_vector_format(f)) and not kind.wgs84)

    @classmethod
    def receive(cls, path: Path, format: Format, workdir: Path) -> Self:
        """Check a file that came from a client. Raises WrongData, which says what is wrong with it."""
        kind = find_vector_format(format)
        if kind is None:
            raise WrongData(f"{format.media_type} is not a format of vector data")
        return cls._open(path, kind, workdir)

    @classmethod
    def from_file(cls, path: Path, workdir: Path) -> Self:
        """A file that the process itself has written, in any of the formats. Raises WrongData."""
        if path.suffix.lower() == ".shp":
            return cls(file=path, kind=SHAPEFILE, layers=inspect((path,), SHAPEFILE))
        return cls._open(path, _recognise(path), workdir)

    @classmethod
    def _open(cls, path: Path, kind: VectorFormat, workdir: Path) -> Self:
        directory = Path(tempfile.mkdtemp(dir=workdir, prefix="vector-"))
        return cls(file=path, kind=kind, layers=inspect(stage(path, kind, directory), kind))

    @classmethod
    def deliver(cls, value: object, format: Format, directory: Path, name: str) -> Path:
        """Write what a process returned as ``directory/name`` with a suffix, in ``format``.

        ``value`` is a Vector, a GeoDataFrame or GeoSeries, the path of a file, or its bytes. Raises ProcessError.
        """
        kind = find_vector_format(format)
        if kind is None:
            raise ProcessError(f"{format.media_type} is not a format of vector data")
        if hasattr(value, "to_crs"):
            return write_frame(_frame_of(value), kind, directory, name)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".reading-") as scratch:
            vector = cls._of(value, Path(scratch))
            if kind.verbatim and vector.kind is kind and vector.file.suffix.lower() != ".shp":
                return Path(shutil.copyfile(vector.file, directory / f"{name}{kind.suffix}"))
            return write_frame(vector.gdf(), kind, directory, name)

    @classmethod
    def _of(cls, value: object, scratch: Path) -> "Vector":
        if isinstance(value, Vector):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            path = scratch / "returned"
            path.write_bytes(value)
            return cls.from_file(path, scratch)
        if isinstance(value, str | Path):
            return cls.from_file(Path(value), scratch)
        raise ProcessError(f"A process returned {type(value).__name__} where vector data were expected")

    @property
    def path(self) -> Path:
        """The file for GDAL to open."""
        return self.layers[0].source if self.layers else self.file

    @property
    def crs(self) -> str | None:
        """The coordinate reference system of the first layer, as authority and code or as WKT."""
        return self.layers[0].crs if self.layers else None

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north of the first layer in its own system; None where nothing has a place."""
        return self.layers[0].bounds if self.layers else None

    def __len__(self) -> int:
        """The number of features in all layers."""
        return sum(layer.features for layer in self.layers)

    def bytes(self) -> bytes:
        """The file as it came."""
        return self.file.read_bytes()

    def gdf(self, layer: str | None = None) -> "GeoDataFrame":
        """The features of one layer as a GeoDataFrame; without a name those of all, told apart by a column ``layer``.

        Several layers are brought into the CRS of the first. Raises ProcessError where there is no such layer.
        """
        wanted = [known for known in self.layers if layer in (None, known.name)]
        if layer is not None and not wanted:
            names = ", ".join(known.name for known in self.layers)
            raise ProcessError(f"There is no layer {layer!r}; there are: {names}")
        return _stack([read_frame(known, self.kind) for known in wanted], [known.name for known in wanted])


def _stack(frames: list[Any], names: list[str]) -> Any:
    import geopandas
    import pandas as pd

    if len(frames) == 1:
        return frames[0]
    if not frames:
        return geopandas.GeoDataFrame(geometry=[], crs=None)
    crs = next((frame.crs for frame in frames if frame.crs is not None), None)
    placed = [frame if frame.crs is None or crs is None else frame.to_crs(crs) for frame in frames]
    labelled = [
        _with_geometry_named(frame, "geometry").assign(layer=name) for frame, name in zip(placed, names, strict=True)
    ]
    return geopandas.GeoDataFrame(pd.concat(labelled, ignore_index=True), geometry="geometry", crs=crs)


def _with_geometry_named(frame: Any, name: str) -> Any:
    return frame if frame.geometry.name == name else frame.rename_geometry(name)


def _frame_of(value: Any) -> Any:
    return value if hasattr(value, "columns") else value.to_frame("geometry")


def _recognise(path: Path) -> VectorFormat:
    """The format of a file by its first bytes. Raises WrongData."""
    with path.open("rb") as file:
        head = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
    for kind in (GEOPACKAGE, SHAPEFILE, FLATGEOBUF):
        if head.startswith(kind.magic):
            return kind
    if head.startswith(b"{"):
        return GEOJSON
    if head.startswith(b"<"):
        return KML if read_xml(path).namespaces & KML.namespaces else GML31
    if b"," in head or b";" in head:
        return CSV
    raise WrongData("it is no vector format that is known here")
