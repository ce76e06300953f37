"""Data in responses, as both versions of WPS write it; what differs is the name of the element."""

from collections.abc import Callable, Iterator

from cloche.model.data import BoundingBoxData
from cloche.model.formats import Format
from cloche.protocols._http.replies import Segment, Stream
from cloche.protocols._ows.embed import embed
from cloche.protocols._ows.markup import leaf, node, opening

Part = str | Segment


def bounding_box(tag: str, data: BoundingBoxData) -> str:
    """An element of ``ows:BoundingBoxType``."""
    return node(
        tag,
        leaf("ows:LowerCorner", _corner(data.lower)),
        leaf("ows:UpperCorner", _corner(data.upper)),
        attributes={"crs": data.crs or None, "dimensions": str(len(data.lower))},
    )


def bounding_box_text(data: BoundingBoxData) -> str:
    """A bounding box as KVP writes it, for raw output."""
    return ",".join((*(_number(item) for item in (*data.lower, *data.upper)), *((data.crs,) if data.crs else ())))


def complex_data(
    tag: str, read: Callable[[], Iterator[bytes]], format: Format, *, size: int, small_bytes: int
) -> tuple[Part, ...]:
    """An element around a file of ``size`` bytes; a small one is read at once."""
    if size <= small_bytes:
        held = b"".join(read())

        def read() -> Iterator[bytes]:
            return iter((held,))

    embedded = embed(read, format)
    start = opening(tag, format_attributes(format, embedded.encoding))
    content: Segment = b"".join(embedded.chunks()) if size <= small_bytes else Stream(chunks=embedded.chunks)
    return (start, content, f"</{tag}>")


def format_attributes(format: Format, encoding: str) -> dict[str, str | None]:
    """A format as attributes, with the ``encoding`` that the data really has."""
    return {
        "mimeType": format.media_type or None,
        "encoding": encoding or None,
        "schema": format.schema or None,
    }


def plain_encoding(format: Format) -> str:
    """The encoding of a file where it is stored: base64 and gzip are of the wire only."""
    return "" if format.encoding.lower() in {"base64", "gzip"} else format.encoding


def _corner(corner: tuple[float, ...]) -> str:
    return " ".join(_number(item) for item in corner)


def _number(value: float) -> str:
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
