"""gzip for answers of a moderate size in text, where the client takes it.

Results of any size are left as they are: packing them would keep the event loop from everybody else, and most formats
of geodata are packed already.
"""

import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES = 1 << 10
MOST_BYTES = 1 << 20
LEVEL = 5
KINDS = ("text/", "application/json", "application/problem+json", "application/vnd.oai.openapi+json", "application/xml")


class Compression:
    """ASGI middleware. Only answers that come in one piece are packed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope["type"] == "http" and scope["method"] != "HEAD" and "gzip" in _accepted(scope)
        await self._app(scope, receive, _Packing(send) if wanted else send)


class _Packing:
    """Holds the start of an answer back until its first piece tells whether it is the only one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _fit(message):
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        start, self._start = self._start, None
        body = message.get("body", b"")
        if not message.get("more_body", False) and LEAST_BYTES <= len(body) <= MOST_BYTES:
            body = gzip.compress(body, LEVEL, mtime=0)
            headers = MutableHeaders(raw=start["headers"])
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(body))
            message = {**message, "body": body}
        MutableHeaders(raw=start["headers"]).add_vary_header("accept-encoding")
        await self._send(start)
        await self._send(message)


def _accepted(scope: Scope) -> str:
    return Headers(scope=scope).get("accept-encoding", "")


def _fit(start: Message) -> bool:
    start["headers"] = list(start["headers"])
    headers = Headers(raw=start["headers"])
    kind = headers.get("content-type", "")
    streamed = kind.startswith("text/event-stream") or "content-range" in headers
    return start["status"] != 304 and not streamed and "content-encoding" not in headers and kind.startswith(KINDS)
