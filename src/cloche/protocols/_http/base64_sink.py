"""Inline base64 text to a file."""

import binascii
import zlib
from typing import IO

from cloche.model.errors import WrongInputData
from cloche.protocols._http.deposit import Deposit

LAYOUT = b" \t\r\n"
GZIP = 16 + zlib.MAX_WBITS
STEP = 1 << 20


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
            data = self._pending + text.encode("ascii").translate(None, LAYOUT)
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
