"""Encodings undone while bytes stream by, a bounded piece at a time."""

import binascii
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Protocol

from cloche.model.errors import SizeExceeded
from cloche.model.quantities import show_bytes

PIECE = 1 << 18
"""Bytes that one step hands on at most: a compressed bomb unfolds no further before it is weighed."""


class Malformed(ValueError):
    """The bytes are not encoded as they should be; the text is for the client."""


class Decoder(Protocol):
    """One encoding, undone piece by piece."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What comes out for what goes in. Raises Malformed."""
        ...

    def finish(self) -> None:
        """Raises Malformed where the end is missing."""
        ...


class Gunzip:
    """gzip of one or several members (RFC 1952)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                data = data.lstrip(b"\0")  # padding, as tape tools leave it
                if not data:
                    return
                self._member = zlib.decompressobj(wbits=31)
            yield from self._inflate(data)
            data = self._member.unused_data

    def finish(self) -> None:
        if not self._member.eof:
            raise Malformed("the gzip data is cut off")

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._member.decompress(data, PIECE)
            except zlib.error:
                raise Malformed("the data is not gzip as it should be") from None
            if piece:
                yield piece
            data = self._member.unconsumed_tail
            if self._member.eof or (not data and len(piece) < PIECE):
                return


class GunzipOnce:
    """gzip where the transport may have undone it already: many servers label a gzip file as gzip in transport."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: Gunzip | None = None
        self._decided = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._decided:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._decided = True
            self._inner = Gunzip() if data.startswith(b"\x1f\x8b") else None
        if self._inner is not None:
            yield from self._inner.feed(data)
        else:
            yield data

    def finish(self) -> None:
        if self._inner is not None:
            self._inner.finish()
        elif not self._decided:
            raise Malformed("the gzip data is cut off")


class Base64:
    """base64 with line breaks and spaces anywhere (RFC 4648, the alphabet with ``+`` and ``/``)."""

    def __init__(self) -> None:
        self._rest = b""
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        text = self._rest + data.translate(None, b" \t\r\n")
        if self._ended and text:
            raise Malformed("the base64 data goes on after its end")
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        if whole:
            self._ended = text[whole - 1 : whole] == b"="
            try:
                yield binascii.a2b_base64(text[:whole], strict_mode=True)
            except binascii.Error:
                raise Malformed("the data is not base64 as it should be") from None

    def finish(self) -> None:
        if self._rest:
            raise Malformed("the base64 data is cut off")


class Receiver:
    """Writes what arrives to a file, decoded and weighed. ``cap`` bounds the decoded bytes; None is no cap."""

    def __init__(self, file: IO[bytes], decoders: Sequence[Decoder], cap: int | None) -> None:
        self.size = 0
        self._file = file
        self._decoders = list(decoders)
        self._cap = cap
        self._arrived = 0

    def gunzip_transport(self) -> None:
        """Undo gzip of the transport before all else."""
        declared = [GunzipOnce() if isinstance(decoder, Gunzip) else decoder for decoder in self._decoders]
        self._decoders = [Gunzip(), *declared]

    def expect(self, length: int | None) -> None:
        """Refuse an announced length early. Raises SizeExceeded."""
        if length is not None and not self._decoders:
            self._weigh(length)

    def write(self, data: bytes) -> None:
        """Raises SizeExceeded, Malformed."""
        self._arrived += len(data)
        # encoded data that yields nothing must not flow for ever
        self._weigh(self._arrived // 2 - PIECE)
        for piece in _decode(data, self._decoders):
            self.size += len(piece)
            self._weigh(self.size)
            self._file.write(piece)

    def finish(self) -> int:
        """The size in bytes; nothing may be missing. Raises Malformed."""
        for decoder in self._decoders:
            decoder.finish()
        return self.size

    def _weigh(self, size: int) -> None:
        if self._cap is not None and size > self._cap:
            raise SizeExceeded(f"The referenced data is larger than the allowed {show_bytes(self._cap)}.")


def _decode(data: bytes, decoders: Sequence[Decoder]) -> Iterator[bytes]:
    if not decoders:
        yield data
        return
    for piece in decoders[0].feed(data):
        yield from _decode(piece, decoders[1:])
