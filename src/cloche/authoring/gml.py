"""Pieces of GML that clients send where a feature collection is expected: a bare geometry, a list of members.

WPS clients and the examples of OGC API - Processes do so; GDAL reads neither. They are put into a collection.
"""

import codecs
import shutil
from pathlib import Path

from cloche.authoring.wellformed import XmlDocument

_NAMESPACES = ("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2")
_GEOMETRIES = frozenset(
    {
        "CompositeCurve",
        "CompositeSurface",
        "Curve",
        "LineString",
        "MultiCurve",
        "MultiGeometry",
        "MultiLineString",
        "MultiPoint",
        "MultiPolygon",
        "MultiSurface",
        "Point",
        "Polygon",
        "Surface",
    }
)
_MEMBERS = frozenset({"featureMember", "featureMembers"})


def wrap(path: Path, document: XmlDocument, target: Path) -> bool:
    """Write the piece of GML in ``path`` as a collection to ``target``; False where it is no piece, or in UTF-16."""
    if document.namespace not in _NAMESPACES or not _is_ascii(document.encoding):
        return False
    if document.name in _GEOMETRIES:
        around = ("<c:member><c:feature><c:geometry>", "</c:geometry></c:feature></c:member>")
    elif document.name in _MEMBERS:
        around = ("", "")
    else:
        return False
    opening = (
        f'<?xml version="1.0" encoding="{document.encoding}"?>\n<c:FeatureCollection xmlns:c="urn:x-cloche:collection">'
    )
    with path.open("rb") as source, target.open("xb") as file:
        source.seek(document.start)
        file.write((opening + around[0]).encode("ascii"))
        shutil.copyfileobj(source, file, 1 << 20)
        file.write(f"{around[1]}</c:FeatureCollection>".encode("ascii"))
    return True


def _is_ascii(encoding: str) -> bool:
    """Whether the encoding writes ASCII as ASCII does."""
    try:
        return codecs.encode("<>", encoding) == b"<>"
    except LookupError:
        return False
