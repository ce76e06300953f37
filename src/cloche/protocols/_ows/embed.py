"""An output file inside of an XML document: as XML, as text, or in base64.

Files come from user code, so nothing about them is believed: XML is embedded only when all of it was found
well-formed, text only when XML can hold every character of it.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cloche.model.formats import Format
from cloche.protocols._http.encodings import gzipped, in_base64
from cloche.protocols._http.mediatypes import is_text, is_xml
from cloche.protocols._ows import charset, wellformed
from cloche.protocols._ows.errors import OwsError
from cloche.protocols._ows.markup import ILLEGAL

HEAD_BYTES = 1024

Read = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """How to write a file between two tags, and the ``encoding`` attribute that says so (empty: none)."""

    encoding: str
    chunks: Read


def embed(read: Read, format: Format) -> Embedded:
    """The best form for a file of ``format``. ``read`` gives its bytes and is called again for each pass over them."""
    encoding = format.encoding.lower()
    if encoding == "gzip":
        return Embedded(encoding="gzip", chunks=lambda: in_base64(gzipped(read())))
    if encoding != "base64":
        kind = format.media_type.split(";")[0].strip().lower()
        chunks = _as_xml(read) if is_xml(kind) else None
        if chunks is None and (is_xml(kind) or is_text(kind)):
            chunks = _as_text(read)
        if chunks is not None:
            return Embedded(encoding=format.encoding, chunks=chunks)
    return Embedded(encoding="base64", chunks=lambda: in_base64(read()))


def _as_xml(read: Read) -> Read | None:
    """From the root element on: declaration, document type and what else stands before it stay behind."""
    try:
        codec = charset.detect(_head(read))
        start = wellformed.root_start(_utf8(read(), codec))
    except (OwsError, wellformed.Unfit):
        return None
    return lambda: _from(_utf8(read(), codec), start)


def _as_text(read: Read) -> Read | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        legal = not any(ILLEGAL.search(decoder.decode(chunk)) for chunk in read())
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return (lambda: (_escaped(chunk) for chunk in read())) if legal else None


def _head(read: Read) -> bytes:
    head = b""
    for chunk in read():
        head += chunk[:HEAD_BYTES]
        if len(head) >= HEAD_BYTES:
            break
    return head


def _utf8(chunks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    recode = charset.ToUtf8(codec)
    for chunk in chunks:
        yield recode.feed(chunk)
    yield recode.feed(b"", final=True)


def _from(chunks: Iterator[bytes], start: int) -> Iterator[bytes]:
    for chunk in chunks:
        if start < len(chunk):
            yield chunk[start:]
        start = max(0, start - len(chunk))


def _escaped(chunk: bytes) -> bytes:
    chunk = chunk.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return chunk.replace(b"\r", b"&#13;")
