"""Inline text of complex data to a file: as it is, or out of base64 and gzip."""

from typing import IO, Protocol

from cloche.protocols._http.base64_sink import Base64Sink
from cloche.protocols._http.deposit import Deposit

LAYOUT = " \t\r\n"


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


def sink(encoding: str, deposit: Deposit, file: IO[bytes]) -> Sink:
    """The sink for text that an ``encoding`` attribute describes. Inline gzip arrives in base64: XML holds no bytes."""
    folded = encoding.lower()
    if folded in {"base64", "gzip"}:
        return Base64Sink(deposit, file, gzip=folded == "gzip")
    return TextSink(deposit, file)
