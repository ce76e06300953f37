"""XML documents on their way out."""

from collections.abc import Iterator, Sequence

from cloche.protocols._http.replies import Reply, Segment
from cloche.protocols._ows.soap import Soap

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def xml_reply(
    segments: Sequence[str | Segment],
    *,
    media_type: str = "text/xml",
    status: int = 200,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    soap: Soap | None = None,
) -> Reply:
    """A document, in an envelope where the request came in one. The root element is the first node."""
    opening, closing = (soap.opening, soap.closing) if soap else ("", "")
    parts = [part.encode() if isinstance(part, str) else part for part in (DECLARATION + opening, *segments, closing)]
    return Reply(
        media_type=f"{soap.media_type if soap else media_type}; charset=utf-8",
        segments=tuple(_merged(parts)),
        status=status,
        headers=headers,
    )


def _merged(parts: Sequence[Segment]) -> Iterator[Segment]:
    held: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            held.append(part)
            continue
        yield b"".join(held)
        held.clear()
        yield part
    yield b"".join(held)
