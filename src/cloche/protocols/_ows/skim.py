"""How deep a piece of XML goes, told from its bytes.

expat calls Python for each element only where a handler is set, and those calls cost more than the parsing. The
inside of complex data needs none of them: what counts is where it ends, and that it is not absurdly deep, because
expat keeps memory for each open element.
"""

from collections.abc import Iterator

PIECE_BYTES = 1 << 18


def depth_change(piece: bytes) -> int | None:
    """How many more elements are open after ``piece`` than before, or None where its bytes do not tell.

    ``piece`` is UTF-8, begins in content and ends before a tag or in text. Without comments, CDATA sections and
    processing instructions every ``<`` begins a tag; where there are as many ``>``, each of them ends one, so that
    ``</`` and ``/>`` are what they look like. That the XML is well-formed is for expat to say.
    """
    if (b"!" in piece and b"<!" in piece) or (b"?" in piece and b"<?" in piece):
        return None
    tags = piece.count(b"<")
    if piece.count(b">") != tags:
        return None
    return tags - 2 * piece.count(b"</") - piece.count(b"/>")


class Pieces:
    """Cuts a stream of bytes into pieces that end before a ``<`` where they can."""

    def __init__(self, size: int = PIECE_BYTES) -> None:
        self._size = size
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that are complete with ``data``."""
        data = self._rest + data
        start = 0
        while len(data) - start >= self._size:
            cut = data.rfind(b"<", start + 1, start + self._size)
            end = cut if cut > start else start + self._size
            yield data[start:end]
            start = end
        self._rest = data[start:]

    def close(self) -> bytes:
        """What is left."""
        rest, self._rest = self._rest, b""
        return rest
