"""The body of an HTTP request, piece by piece, within limits."""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Iterator

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from cloche.protocols._http.errors import BodyRefused
from cloche.protocols._http.limits import BodyLimits

WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
STEP_BYTES = 1 << 18
DRAIN_S = 10.0


class Disconnected(Exception):
    """The client is gone; there is nobody to answer."""


class Inflow:
    """What a client sends (an ASGI ``receive``), and whether all of its body has come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._ended = self._ended or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Take the rest of a body that nobody wants, for a while: a connection that is closed over unread data takes
        the answer with it.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while not self._ended:
                    await self()


async def read_body(headers: Headers, receive: Receive, limits: BodyLimits) -> AsyncIterator[bytes]:
    """The body as it arrives, decompressed where Content-Encoding says so.

    Raises BodyRefused, Disconnected.
    """
    if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > limits.max_bytes:
        raise _too_large(limits)
    inflate = _Inflater(headers.get("content-encoding", "identity").strip().lower())
    received = expanded = 0
    async for chunk in _chunks(receive, limits.idle_seconds):
        received += len(chunk)
        for piece in inflate.feed(chunk):
            expanded += len(piece)
            if max(received, expanded) > limits.max_bytes:
                raise _too_large(limits)
            yield piece
    inflate.close()


async def _chunks(receive: Receive, idle_seconds: float) -> AsyncIterator[bytes]:
    more = True
    while more:
        try:
            async with asyncio.timeout(idle_seconds):
                message = await receive()
        except TimeoutError:
            text = f"The request body did not go on for {idle_seconds:g} seconds."
            raise BodyRefused(text, status=408) from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        more = message.get("more_body", False)
        if chunk := message.get("body", b""):
            yield chunk


class _Inflater:
    """Decompresses in bounded steps: a small chunk may stand for very many bytes."""

    def __init__(self, encoding: str) -> None:
        if encoding not in {"", "identity", *WINDOWS}:
            text = f"The Content-Encoding {encoding[:40]} is not read here; gzip and deflate are."
            raise BodyRefused(text, status=415)
        self._stream = zlib.decompressobj(WINDOWS[encoding]) if encoding in WINDOWS else None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What ``chunk`` stands for."""
        if self._stream is None:
            yield chunk
            return
        while chunk and not self._stream.eof:
            try:
                yield self._stream.decompress(chunk, STEP_BYTES)
            except zlib.error:
                raise BodyRefused("The request body is not what its Content-Encoding says.") from None
            chunk = self._stream.unconsumed_tail

    def close(self) -> None:
        """The body is complete. Raises BodyRefused when what it says is not."""
        if self._stream is not None and not self._stream.eof:
            raise BodyRefused("The compressed request body ends too early.")


def _too_large(limits: BodyLimits) -> BodyRefused:
    return BodyRefused(f"The request is larger than {limits.max_bytes} bytes.", status=413)
