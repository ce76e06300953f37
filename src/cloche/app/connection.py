"""HTTP connections that no client can hold open or fill by never coming to the point.

uvicorn with httptools bounds neither the size of a request's head nor the time that it takes.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 20.0
MAX_HEAD_BYTES = 1 << 16
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 38\r\nconnection: close\r\n\r\nThe head of the request is too large.\n"
)


class Connection(HttpToolsProtocol):
    """One connection; a subclass because that is how uvicorn is extended.

    From its beginning, and from the first byte after an answer, a request must be there within ``HEAD_S`` seconds.
    """

    _clock: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_clock()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        begun = self._in_head
        super().data_received(data)
        if self.transport.is_closing():
            return
        # the piece that a head begins in may be the end of a body, and is small anyway
        if begun and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
        # the rest of a body that was answered early is awaited no longer than a head
        if self._clock is None and (self.cycle is None or self.cycle.response_complete):
            self._start_clock()

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(HEAD_S, self._expire)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _expire(self) -> None:
        self._clock = None
        self.transport.abort()
