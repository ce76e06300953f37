"""Every exchange gets an answer, whatever happens on the way to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import msgspec
import structlog
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from cloche.model.errors import ClocheError
from cloche.ports.store import StoreUnavailable
from cloche.protocols._http.body import Disconnected
from cloche.protocols._http.errors import BodyRefused
from cloche.protocols._http.replies import NO_SNIFFING, Reply, send_reply
from cloche.protocols._http.threads import Threads
from cloche.protocols.ogcapi import listing, problems
from cloche.protocols.ogcapi.conformance import HTML, JSON, PROBLEM
from cloche.protocols.ogcapi.listing import Asked
from cloche.protocols.ogcapi.negotiation import negotiate, quality
from cloche.protocols.ogcapi.pages import Pages
from cloche.protocols.ogcapi.problems import Problem, Refused

BODILESS = frozenset({204, 304})

log = structlog.get_logger("cloche.ogcapi")


@dataclass(kw_only=True)
class Exchange:
    """One request; ``job`` is for the log."""

    scope: Scope
    receive: Receive
    headers: Headers
    job: str = field(default="")

    @cached_property
    def asked(self) -> Asked:
        """The query. Raises Refused."""
        return listing.parse(self.scope["query_string"])

    @property
    def accept(self) -> str:
        """The header, or an empty text."""
        return self.headers.get("accept", "")

    def path(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.scope["path_params"][name])

    def kind(self, offered: Sequence[str] = (JSON, HTML)) -> str:
        """The media type to answer in. Raises Refused."""
        return negotiate(self.accept, self.asked.one("f"), offered)


class Live(Protocol):
    """An answer that goes on as things happen."""

    async def send(self, receive: Receive, send: Send) -> None:
        """Until its end, or until the client goes away."""
        ...


Answer = Callable[[Exchange], Awaitable[Reply | Live]]


class Edge:
    """Turns what goes wrong into problem details."""

    def __init__(self, threads: Threads, pages: Pages, *, draft: bool) -> None:
        self._draft = draft
        self._threads = threads
        self._pages = pages

    async def __call__(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope=scope, receive=receive, headers=Headers(scope=scope))
        try:
            reply = await self._reply(answer, exchange)
        except Disconnected:
            log.info("client went away", path=scope["path"], job=exchange.job)
            return
        if not isinstance(reply, Reply):
            await reply.send(receive, send)
        elif reply.status in BODILESS:
            headers = [NO_SNIFFING, *reply.headers]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send_reply(reply, send, self._threads, with_body=scope["method"] != "HEAD")

    async def _reply(self, answer: Answer, exchange: Exchange) -> Reply | Live:
        try:
            return await answer(exchange)
        except (Refused, BodyRefused, ClocheError) as error:
            return self._problem(problems.refusal(error), exchange)
        except Disconnected:
            raise
        except StoreUnavailable:
            log.exception("the store is unavailable", path=exchange.scope["path"], job=exchange.job)
            return self._problem(problems.UNAVAILABLE, exchange)
        except Exception:  # the edge: the client gets an answer, the operator the traceback
            log.exception("request failed", path=exchange.scope["path"], job=exchange.job)
            return self._problem(problems.INTERNAL, exchange)

    def _problem(self, problem: Problem, exchange: Exchange) -> Reply:
        if self._draft:
            problem = problem.in_draft()
        body = problem.body(exchange.scope["path"])
        headers = [(b"cache-control", b"no-store")]
        if problem.retry_after is not None:
            headers.append((b"retry-after", b"%d" % problem.retry_after))
        if problem.allow:
            headers.append((b"allow", ", ".join(problem.allow).encode()))
        if problem.status in (408, 413):
            headers.append((b"connection", b"close"))  # the body did not come to its end
        if quality(exchange.accept, HTML) > quality(exchange.accept, JSON):
            content, kind = self._pages.render("problem", body), f"{HTML}; charset=utf-8"
        else:
            content, kind = msgspec.json.encode(body), _problem_type(exchange)
        return Reply(media_type=kind, segments=(content,), status=problem.status, headers=tuple(headers))


class Resource:
    """An ASGI application: what is answered at one path, by method."""

    def __init__(self, edge: Edge, answers: Mapping[str, Answer]) -> None:
        self._edge = edge
        self._answers = dict(answers)
        if "GET" in answers and "HEAD" not in answers:
            self._answers["HEAD"] = answers["GET"]
        self._allow = tuple(sorted({*self._answers, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        other = self._options if method == "OPTIONS" else self._no_method
        await self._edge(self._answers.get(method, other), scope, receive, send)

    async def _options(self, _exchange: Exchange) -> Reply:
        return Reply(media_type="", segments=(b"",), status=204, headers=((b"allow", ", ".join(self._allow).encode()),))

    async def _no_method(self, exchange: Exchange) -> Reply:
        raise no_method(exchange, self._allow)


def no_method(exchange: Exchange, allow: Sequence[str]) -> Refused:
    """405."""
    text = f"{exchange.scope['method'][:20]} is not answered here; {', '.join(allow)} are."
    return Refused(Problem(status=405, detail=text, allow=tuple(allow)))


def _problem_type(exchange: Exchange) -> str:
    """The conformance suite wants ``application/json`` where it executes and asks for nothing else (CHECKLIST D 6)."""
    plain = exchange.scope["method"] == "POST" and exchange.accept.strip() == JSON
    return JSON if plain else PROBLEM
