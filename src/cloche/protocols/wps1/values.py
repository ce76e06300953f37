"""Data in responses: literal, bounding box and complex, by value and by reference (WPS 1.0.0 clause 10.3)."""

from collections.abc import Callable, Iterator

from cloche.model.data import BoundingBoxData, LiteralData
from cloche.model.domains import Datatype
from cloche.model.formats import Format
from cloche.protocols._ows.embed import embed
from cloche.protocols._ows.markup import leaf, node, opening
from cloche.protocols._ows.replies import Segment, Stream
from cloche.protocols.wps1.descriptions import datatype_name

Part = str | Segment


def literal(data: LiteralData) -> str:
    """``wps:LiteralData``."""
    return leaf("wps:LiteralData", data.value, {"dataType": _datatype(data.datatype), "uom": data.uom or None})


def bounding_box(data: BoundingBoxData) -> str:
    """``wps:BoundingBoxData``."""
    return node(
        "wps:BoundingBoxData",
        leaf("ows:LowerCorner", _corner(data.lower)),
        leaf("ows:UpperCorner", _corner(data.upper)),
        attributes={"crs": data.crs or None, "dimensions": str(len(data.lower))},
    )


def bounding_box_text(data: BoundingBoxData) -> str:
    """A bounding box as KVP writes it, for raw output."""
    return ",".join((*(_number(item) for item in (*data.lower, *data.upper)), *((data.crs,) if data.crs else ())))


def complex_data(
    read: Callable[[], Iterator[bytes]], format: Format, *, size: int, small_bytes: int
) -> tuple[Part, ...]:
    """``wps:ComplexData`` around a file of ``size`` bytes; a small one is read at once."""
    if size <= small_bytes:
        held = b"".join(read())

        def read() -> Iterator[bytes]:
            return iter((held,))

    embedded = embed(read, format)
    start = opening("wps:ComplexData", _format(format, embedded.encoding))
    content: Segment = b"".join(embedded.chunks()) if size <= small_bytes else Stream(chunks=embedded.chunks)
    return (start, content, "</wps:ComplexData>")


def reference(href: str, format: Format) -> str:
    """An output's ``wps:Reference``: its ``href`` is unqualified, and what lies there is not encoded."""
    encoding = "" if format.encoding.lower() in {"base64", "gzip"} else format.encoding
    return node("wps:Reference", attributes={"href": href, **_format(format, encoding)})


def _format(format: Format, encoding: str) -> dict[str, str | None]:
    return {
        "mimeType": format.media_type or None,
        "encoding": encoding or None,
        "schema": format.schema or None,
    }


def _datatype(name: str) -> str | None:
    try:
        return datatype_name(Datatype(name))
    except ValueError:
        return name or None


def _corner(corner: tuple[float, ...]) -> str:
    return " ".join(_number(item) for item in corner)


def _number(value: float) -> str:
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
