"""Files of vector data from strangers, looked at from outside and laid out for GDAL, each alone in a directory."""

from pathlib import Path

from cloche.authoring.errors import WrongData
from cloche.authoring.gml import wrap
from cloche.authoring.vector_formats import CSV, GEOJSON, SHAPEFILE, VectorFormat
from cloche.authoring.wellformed import XmlDocument, read_xml
from cloche.authoring.zipped import unpack

_SHAPEFILE_PARTS = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})


def stage(path: Path, kind: VectorFormat, directory: Path) -> tuple[Path, ...]:
    """The files for GDAL to open, alone in ``directory``: a link with the right suffix, or what a zip held.

    Raises WrongData for what is no such file by its first bytes, by its XML or by its archive.
    """
    _check_head(path, kind)
    if kind is SHAPEFILE:
        return _unzip(path, directory)
    staged = directory / f"data{kind.suffix}"
    document = _check_xml(path, kind) if kind.namespaces else None
    if document is None or not wrap(path, document, staged):
        staged.symlink_to(path.resolve())
    return (staged,)


def _check_head(path: Path, kind: VectorFormat) -> None:
    with path.open("rb") as file:
        head = file.read(512)
    if not head.strip():
        raise WrongData("it is empty")
    if kind.magic and not head.startswith(kind.magic):
        raise WrongData(f"it does not begin as {kind.title} does")
    if kind is CSV and (b"\0" in head or head.lstrip()[:1] in (b"<", b"{")):
        raise WrongData("it is not a table of text")
    if kind is GEOJSON and head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        raise WrongData("it is not a JSON object")


def _check_xml(path: Path, kind: VectorFormat) -> XmlDocument:
    document = read_xml(path)
    if document.name.endswith("ExceptionReport"):
        raise WrongData("it is the exception report of a server, not data")
    if not document.namespaces & kind.namespaces or document.name.endswith(("Capabilities", "schema")):
        raise WrongData(f"it is XML (<{document.name[:60]}>), but not {kind.title}")
    return document


def _unzip(path: Path, directory: Path) -> tuple[Path, ...]:
    parts = unpack(path, directory, _SHAPEFILE_PARTS)
    shapes = tuple(sorted(part for part in parts if part.suffix == ".shp"))
    if not shapes:
        raise WrongData("the zip archive holds no .shp file")
    for shape in shapes:
        missing = [suffix for suffix in (".shx", ".dbf") if shape.with_suffix(suffix) not in parts]
        if missing:
            raise WrongData(f"the zip archive holds {shape.name} without its {' and '.join(missing)}")
    return shapes
