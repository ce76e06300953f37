"""Data in responses: literal, bounding box and complex, by value and by reference (WPS 1.0.0 clause 10.3)."""

from collections.abc import Callable, Iterator

from cloche.model.data import BoundingBoxData, LiteralData
from cloche.model.domains import Datatype
from cloche.model.formats import Format
from cloche.protocols._ows import data as markup
from cloche.protocols._ows.data import Part, format_attributes, plain_encoding
from cloche.protocols._ows.markup import leaf, node
from cloche.protocols.wps1.descriptions import datatype_name


def literal(data: LiteralData) -> str:
    """``wps:LiteralData``."""
    return leaf("wps:LiteralData", data.value, {"dataType": _datatype(data.datatype), "uom": data.uom or None})


def bounding_box(data: BoundingBoxData) -> str:
    """``wps:BoundingBoxData``."""
    return markup.bounding_box("wps:BoundingBoxData", data)


def complex_data(
    read: Callable[[], Iterator[bytes]], format: Format, *, size: int, small_bytes: int
) -> tuple[Part, ...]:
    """``wps:ComplexData`` around a file of ``size`` bytes; a small one is read at once."""
    return markup.complex_data("wps:ComplexData", read, format, size=size, small_bytes=small_bytes)


def reference(href: str, format: Format) -> str:
    """An output's ``wps:Reference``: its ``href`` is unqualified, and what lies there is not encoded."""
    return node("wps:Reference", attributes={"href": href, **format_attributes(format, plain_encoding(format))})


def _datatype(name: str) -> str | None:
    try:
        return datatype_name(Datatype(name))
    except ValueError:
        return name or None
