"""Every exchange gets an answer, whatever happens on the way to it."""

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from cloche.model.errors import ClocheError, NotEnoughStorage
from cloche.ports.store import StoreUnavailable
from cloche.protocols._http.body import Disconnected, Inflow
from cloche.protocols._http.errors import BodyRefused
from cloche.protocols._http.replies import Reply, send_reply
from cloche.protocols._http.threads import Threads
from cloche.protocols._ows.errors import Code, Fault, OwsError, unread
from cloche.protocols._ows.reports import Dialect, report
from cloche.protocols._ows.soap import Soap

log = structlog.get_logger("cloche.wps")

UNAVAILABLE = Fault(
    code=Code.NO_APPLICABLE_CODE, text="The server cannot reach its records just now.", status=503, retry_after=5
)
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
FULL = "The server has no room for this request."
INTERNAL = Fault(code=Code.NO_APPLICABLE_CODE, text="The server failed to answer this request.", status=500)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and what is known of how to answer it; ``job`` is for the log."""

    scope: Scope
    receive: Receive
    headers: Headers
    soap: Soap | None = None
    job: str = ""

    @property
    def accept_language(self) -> str:
        """The header, or an empty text."""
        return self.headers.get("accept-language", "")


Answer = Callable[[Exchange], Awaitable[Reply]]
Refusal = Callable[[ClocheError | OwsError], Fault]


class Answering:
    """``refusal`` says what a client is told of an exception; ``language`` is that of reports."""

    def __init__(self, *, refusal: Refusal, dialect: Dialect, language: str, threads: Threads) -> None:
        self._refusal = refusal
        self._dialect = dialect
        self._language = language
        self._threads = threads

    async def __call__(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        inflow = Inflow(receive)
        exchange = Exchange(scope=scope, receive=inflow, headers=Headers(scope=scope))
        try:
            reply = await self._reply(answer, exchange)
        except Disconnected:
            log.info("client went away", path=scope["path"], job=exchange.job)
            return
        if _closes(exchange):
            await inflow.drain()
        await send_reply(reply, send, self._threads, with_body=scope["method"] != "HEAD")

    async def _reply(self, answer: Answer, exchange: Exchange) -> Reply:
        try:
            return await answer(exchange)
        except (OwsError, ClocheError) as error:
            return self._report(self._refusal(error), exchange)
        except BodyRefused as error:
            return self._report(self._refusal(unread(error)), exchange)
        except Disconnected:
            raise
        except StoreUnavailable:
            log.exception("the store is unavailable", path=exchange.scope["path"], job=exchange.job)
            return self._report(UNAVAILABLE, exchange)
        except Exception as error:  # the edge: the client gets an answer, the operator the traceback
            log.exception("request failed", path=exchange.scope["path"], job=exchange.job)
            full = isinstance(error, OSError) and error.errno in NO_ROOM
            return self._report(self._refusal(NotEnoughStorage(FULL)) if full else INTERNAL, exchange)

    def _report(self, reason: Fault, exchange: Exchange) -> Reply:
        # after a body that did not come to its end the connection is of no more use
        closing = ((b"connection", b"close"),) if reason.status == 408 else ()
        return report(reason, self._dialect, language=self._language, soap=exchange.soap, headers=closing)


def _closes(exchange: Exchange) -> bool:
    """Whether the connection ends with the answer, and the client sends its body without being asked for it."""
    closing = exchange.scope["http_version"] == "1.0" or "close" in exchange.headers.get("connection", "").lower()
    return closing and "expect" not in exchange.headers
