"""Inline text of complex data to a file: as it is, or out of base64 and gzip."""

import binascii
import zlib
from typing import IO, Protocol

from cloche.model.errors import WrongInputData
from cloche.protocols._ows.deposit import Deposit

LAYOUT = " \t\r\n"
GZIP = 16 + zlib.MAX_WBITS
STEP = 1 << 20


class Sink(Protocol):
    """Takes the character data of one element, piece by piece. ``verbatim`` pieces stand in a CDATA section."""

    def write(self, text: str, *, verbatim: bool) -> None:
        """Raises WrongInputData, SizeExceeded."""
        ...

    def close(self) -> int:
        """The size of the file in bytes. Raises WrongInputData."""
        ...


class TextSink:
    """Text in UTF-8. White space around it is layout and goes; in a CDATA section it stays."""

    def __init__(self, deposit: Deposit, file: IO[bytes]) -> None:
        self._deposit = deposit
        self._file = file
        self._written = 0
        self._kept = 0

    def write(self, text: str, *, verbatim: bool) -> None:
        if not self._written and not verbatim:
            text = text.lstrip(LAYOUT)
        data = text.encode()
        self._file.write(data)
        self._written += len(data)
        self._deposit.check(self._written)
        trailing = 0 if verbatim else len(text) - len(text.rstrip(LAYOUT))
        if trailing < len(data):
            self._kept = self._written - trailing

    def close(self) -> int:
        self._file.truncate(self._kept)
        self._file.close()
        return self._kept


class Base64Sink:
    """The bytes that base64 text stands for (RFC 4648 clause 4; padding may be absent), gunzipped if so declared."""

    def __init__(self, deposit: Deposit, file: IO[bytes], *, gzip: bool = False) -> None:
        self._deposit = deposit
        self._file = file
        self._gunzip = zlib.decompressobj(GZIP) if gzip else None
        self._pending = b""
        self._ended = False
        self._written = 0

    def write(self, text: str, *, verbatim: bool) -> None:  # noqa: ARG002 (a CDATA section means nothing in base64)
        try:
            data = self._pending + text.encode("ascii").translate(None, LAYOUT.encode())
        except UnicodeEncodeError:
            raise WrongInputData("The value is not base64.") from None
        whole = len(data) - len(data) % 4
        self._pending = data[whole:]
        self._decode(data[:whole])

    def close(self) -> int:
        if self._pending:
            self._decode(self._pending + b"=" * (4 - len(self._pending)))
        if self._gunzip is not None and not self._gunzip.eof:
            raise WrongInputData("The gzip data ends too early.")
        self._file.close()
        return self._written

    def _decode(self, data: bytes) -> None:
        if not data:
            return
        if self._ended:
            raise WrongInputData("The value is not base64: there is more after its end.")
        self._ended = data.endswith(b"=")
        try:
            decoded = binascii.a2b_base64(data, strict_mode=True)
        except binascii.Error as error:
            raise WrongInputData(f"The value is not base64: {error}.") from None
        if self._gunzip is None:
            self._store(decoded)
        else:
            self._inflate(decoded)

    def _inflate(self, data: bytes) -> None:
        while data:
            if self._gunzip is None or self._gunzip.eof:
                self._gunzip = zlib.decompressobj(GZIP)  # a gzip file may have several members
            try:
                self._store(self._gunzip.decompress(data, STEP))
            except zlib.error:
                raise WrongInputData("The value is not gzip.") from None
            data = self._gunzip.unconsumed_tail or self._gunzip.unused_data

    def _store(self, data: bytes) -> None:
        self._written += len(data)
        self._deposit.check(self._written)
        self._file.write(data)


def sink(encoding: str, deposit: Deposit, file: IO[bytes]) -> Sink:
    """The sink for text that an ``encoding`` attribute describes. Inline gzip arrives in base64: XML holds no bytes."""
    folded = encoding.lower()
    if folded in {"base64", "gzip"}:
        return Base64Sink(deposit, file, gzip=folded == "gzip")
    return TextSink(deposit, file)
