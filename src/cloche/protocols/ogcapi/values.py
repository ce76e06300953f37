"""Outputs of a job as JSON, in pieces where they are large (``results.yaml``, ``inlineOrRefData.yaml``)."""

import codecs
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from cloche.model.data import BoundingBoxData, LiteralData, StoredData
from cloche.model.domains import Datatype
from cloche.protocols._http.encodings import gzipped, in_base64
from cloche.protocols._http.replies import Segment, Stream
from cloche.protocols.ogcapi import media
from cloche.protocols.ogcapi.schemas import crs_uri, json_value

Read = Callable[[], Iterator[bytes]]
_BARE_SYSTEMS = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "http://www.opengis.net/def/crs/OGC/0/CRS84h")


def scalar(data: LiteralData) -> Any:
    """The bare value of a literal output."""
    try:
        return json_value(data.value, Datatype(data.datatype))
    except ValueError:
        return data.value


def literal(data: LiteralData) -> Any:
    """A literal output; with its unit, where it has one, as a qualified object."""
    if not data.uom:
        return scalar(data)
    return {"value": {"measurement": scalar(data), "uom": data.uom}}


def bounding_box(data: BoundingBoxData) -> dict[str, Any]:
    """``bbox.yaml``."""
    corners = [int(n) if n.is_integer() and abs(n) < 1e15 else n for n in (*data.lower, *data.upper)]
    return {"bbox": corners} | ({"crs": crs_uri(data.crs)} if data.crs else {})


def box_result(data: BoundingBoxData) -> dict[str, Any]:
    """In a results document: ``bbox.yaml`` knows two systems only, a box in another one is a qualified value."""
    found = bounding_box(data)
    return found if found.get("crs", _BARE_SYSTEMS[0]) in _BARE_SYSTEMS else {"value": found}


def stored(read: Read, data: StoredData, *, small_bytes: int) -> list[Segment]:
    """A file as a qualified value: JSON as it is, text as text, all else in base64.

    Files come from user code: what claims to be JSON or text and is not goes in base64 like any other.
    """
    kind, encoding = data.format.media_type, data.format.encoding.lower()
    small = data.size <= small_bytes
    if small:
        held = b"".join(read())

        def read() -> Iterator[bytes]:
            return iter((held,))

    if encoding not in media.WIRE:
        if media.is_json(kind) and _is_json(read):
            return _document(read, data, small=small)
        if not media.is_binary(kind) and _is_text(read):
            head = _head(data, encoding="")
            return [head + b',"value":"', _piece(lambda: _escaped(read()), small=small), b'"}']
    form = "gzip" if encoding == "gzip" else "base64"
    chunks = (lambda: in_base64(gzipped(read()))) if form == "gzip" else (lambda: in_base64(read()))
    return [_head(data, encoding=form) + b',"value":"', _piece(chunks, small=small), b'"}']


def _document(read: Read, data: StoredData, *, small: bool) -> list[Segment]:
    """An array of plain JSON stands bare, as inputs do; an object needs its qualification."""
    bare = next((byte for chunk in _without_mark(read()) for byte in chunk.lstrip()[:1]), 0)
    content = _piece(lambda: _without_mark(read()), small=small)
    if bare == ord("[") and media.essence(data.format.media_type) == "application/json":
        return [content]
    return [_head(data, encoding="") + b',"value":', content, b"}"]


def _head(data: StoredData, *, encoding: str) -> bytes:
    given = {"mediaType": data.format.media_type, "encoding": encoding, "schema": data.format.schema}
    return msgspec.json.encode({name: value for name, value in given.items() if value} or {"mediaType": ""})[:-1]


def _piece(chunks: Read, *, small: bool) -> Segment:
    return b"".join(chunks()) if small else Stream(chunks=chunks)


def _is_json(read: Read) -> bool:
    try:
        # scanned, not built: costs the bytes once and nothing more
        msgspec.json.decode(b"".join(_without_mark(read())), type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return _is_text(read)


def _is_text(read: Read) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in read():
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(chunks, b"")
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from chunks


def _escaped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The inside of a JSON string."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for chunk in chunks:
        yield msgspec.json.encode(decoder.decode(chunk))[1:-1]
    yield msgspec.json.encode(decoder.decode(b"", final=True))[1:-1]
