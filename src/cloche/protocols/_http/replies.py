"""Answers on their way out: whole, or in chunks where they are large."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from starlette.types import Send

from cloche.protocols._http.threads import Threads

CHUNK_BYTES = 1 << 18
NO_SNIFFING = (b"x-content-type-options", b"nosniff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Bytes made when they are sent; ``chunks`` may be called once for each reply."""

    chunks: Callable[[], Iterator[bytes]]


Segment = bytes | Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP response. ``size`` is known for bytes, and may be told for streams."""

    media_type: str
    segments: tuple[Segment, ...]
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    size: int | None = None

    @property
    def large(self) -> bool:
        """Whether it is sent in chunks."""
        return any(isinstance(segment, Stream) for segment in self.segments)


class Ready:
    """A reply that is sent many times."""

    def __init__(self, reply: Reply) -> None:
        self._body = _joined(reply)
        self._headers = _headers(reply, len(self._body))
        self._status = reply.status

    @property
    def size(self) -> int:
        """What it takes, in bytes."""
        return len(self._body)

    async def send(self, send: Send) -> None:
        """Send it; the list of headers is the receiver's own."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers.copy()})
        await send({"type": "http.response.body", "body": self._body})


async def send_reply(reply: Reply, send: Send, threads: Threads, *, with_body: bool = True) -> None:
    """Send it; of a HEAD request the head only."""
    body = b"" if reply.large else _joined(reply)
    headers = _headers(reply, reply.size if reply.large else len(body))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.large and with_body:
        async for chunk in threads.iterate(_chunks(reply.segments)):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": body if with_body else b""})


def _joined(reply: Reply) -> bytes:
    return b"".join(segment for segment in reply.segments if isinstance(segment, bytes))


def _headers(reply: Reply, length: int | None) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", reply.media_type.encode("latin-1", "replace")), NO_SNIFFING, *reply.headers]
    return headers if length is None else [*headers, (b"content-length", b"%d" % length)]


def _chunks(segments: Sequence[Segment]) -> Iterator[bytes]:
    """Chunks of a usual size, whatever the pieces that the segments come in."""
    held: list[bytes] = []
    size = 0
    for segment in segments:
        for piece in (segment,) if isinstance(segment, bytes) else segment.chunks():
            held.append(piece)
            size += len(piece)
            if size >= CHUNK_BYTES:
                yield b"".join(held)
                held.clear()
                size = 0
    if held:
        yield b"".join(held)
