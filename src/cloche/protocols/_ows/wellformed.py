"""Whether a stream of bytes is one well-formed XML document that may stand inside of another."""

from collections.abc import Iterable
from xml.parsers import expat

from cloche.protocols._ows.skim import Pieces, depth_change

MAX_DEPTH = 1_000
MAX_TOKEN_BYTES = 1 << 20


class Unfit(Exception):
    """It is not, or it needs its document type to be understood."""


def root_start(chunks: Iterable[bytes]) -> int:
    """The byte offset of the root element of a document in UTF-8. Raises Unfit."""
    check = _Check()
    try:
        for chunk in chunks:
            check.feed(chunk)
        return check.close()
    except expat.ExpatError as error:
        raise Unfit(str(error)) from None


class _Check:
    """Memory and depth stay bounded whatever the bytes are: they come from user code."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator="}")
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartCdataSectionHandler = self._cdata_begins
        self._parser.EndCdataSectionHandler = self._cdata_ends
        self._watch_elements()
        self._pieces = Pieces()
        self._start: int | None = None
        self._depth = 0
        self._fed = 0
        self._in_cdata = False
        self._settled = False

    def feed(self, chunk: bytes) -> None:
        """The next bytes. Raises Unfit, ExpatError."""
        for piece in self._pieces.feed(chunk):
            self._parse(piece)

    def close(self) -> int:
        """The offset of the root element. Raises Unfit, ExpatError."""
        self._parse(self._pieces.close())
        self._parser.Parse(b"", True)  # noqa: FBT003 (expat takes no keywords)
        assert self._start is not None
        return self._start

    def _watch_elements(self) -> None:
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close

    def _parse(self, piece: bytes) -> None:
        change = depth_change(piece) if self._settled and self._depth and not self._in_cdata else None
        if change is None:
            self._parser.Parse(piece)
        else:
            self._parser.StartElementHandler = None
            self._parser.EndElementHandler = None
            self._parser.Parse(piece)
            self._depth += change
            self._watch_elements()
        self._fed += len(piece)
        pending = self._fed - self._parser.CurrentByteIndex
        if pending > MAX_TOKEN_BYTES or self._depth > MAX_DEPTH:
            raise Unfit("It is nested too deeply, or has a tag that is too long.")
        self._settled = pending == 0

    def _open(self, _name: str, _attributes: object) -> None:
        if self._start is None:
            self._start = self._parser.CurrentByteIndex
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unfit("It is nested too deeply.")

    def _close(self, _name: str) -> None:
        self._depth -= 1

    def _doctype(self, _name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            raise Unfit("It declares entities of its own.")

    def _cdata_begins(self) -> None:
        self._in_cdata = True

    def _cdata_ends(self) -> None:
        self._in_cdata = False
