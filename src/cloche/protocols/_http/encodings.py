"""Bytes as the wire wants them."""

import base64
import zlib
from collections.abc import Iterator


def gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of a gzip file around the chunks."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def in_base64(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks in base64, without line breaks."""
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        yield base64.b64encode(data[:whole])
    yield base64.b64encode(rest)
