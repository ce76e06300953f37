"""Long JSON strings piece by piece: a hundred megabytes of base64 or GML need no second hundred."""

from collections.abc import Iterator

import msgspec

PIECE = 1 << 20
_ESCAPE = 12
"""Bytes of the longest escape, a surrogate pair."""


def pieces(raw: memoryview) -> Iterator[str]:
    """The text of a JSON string, which ``raw`` is with its quotes. Raises msgspec.DecodeError."""
    start, end = 1, len(raw) - 1
    while start < end:
        stop = end if end - start <= PIECE else _cut(raw, start, start + PIECE, end)
        yield msgspec.json.decode(b'"%b"' % bytes(raw[start:stop]), type=str)
        start = stop


def _cut(raw: memoryview, start: int, stop: int, end: int) -> int:
    """A place before ``stop`` that is inside of no character and of no escape; the end where there is none."""
    piece = bytes(raw[start:stop])
    cut = len(piece)
    while cut > _ESCAPE:
        backslash = piece.rfind(b"\\", cut - _ESCAPE, cut)
        if backslash < 0:
            break
        cut = backslash
    if cut <= _ESCAPE:
        return end
    while piece[cut - 1] & 0x80:  # what lies before the cut has no escape in it: go back to an ASCII character
        cut -= 1
        if cut <= _ESCAPE:
            return end
    return start + cut
