"""One endpoint that speaks several versions: each request goes to the one that it is written in.

The versions know nothing of each other, nor of this: whoever puts the house together says which there are.
"""

import asyncio
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloche.protocols._http.body import WINDOWS
from cloche.protocols._ows import charset
from cloche.protocols._ows import kvp as queries
from cloche.protocols._ows.errors import OwsError
from cloche.protocols._ows.kvp import Kvp
from cloche.protocols._ows.receiving import charset as content_charset
from cloche.protocols._ows.soap import VERSIONS as ENVELOPES

HEAD_BYTES = 1024
PEEK_BYTES = 1 << 16
"""The root element begins within so many bytes, or the default version says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A version, the XML namespaces of its requests, and who answers them."""

    version: str
    namespaces: Collection[str]
    application: ASGIApp


class VersionedEndpoint:
    """``offers`` in order of preference: the first answers what names no version, and what nobody understands.

    It also answers clients that send nothing for ``idle_seconds`` before their version is known.
    """

    def __init__(self, offers: Sequence[Offer], *, idle_seconds: float = 60.0) -> None:
        self._offers = offers
        self._idle_seconds = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            offer, receive = await self._by_body(Headers(scope=scope), receive)
        else:
            offer = self._by_query(queries.parse(scope["query_string"]))
        await offer.application(scope, receive, send)

    def _by_query(self, query: Kvp) -> Offer:
        """Only GetCapabilities has a list of versions, and there it beats the one version."""
        accepted = query.items("acceptversions") if query.get("request").lower() == "getcapabilities" else ()
        wanted = accepted or (query.get("version").strip(),)
        found = (offer for version in wanted for offer in self._offers if offer.version == version)
        return next(found, self._offers[0])

    async def _by_body(self, headers: Headers, receive: Receive) -> tuple[Offer, Receive]:
        peek = _Peek(headers)
        messages: list[Message] = []
        try:
            while True:
                async with asyncio.timeout(self._idle_seconds):
                    message = await receive()
                messages.append(message)
                if peek.feed(message.get("body", b""), last=not message.get("more_body", False)):
                    break
        except TimeoutError:
            pass  # whoever answers it will wait no longer than this either
        offer = next((offer for offer in self._offers if peek.namespace in offer.namespaces), self._offers[0])
        return offer, _again(messages, receive)


def _again(messages: list[Message], receive: Receive) -> Receive:
    """The messages once more, then those that follow."""
    ahead = iter(messages)

    async def replay() -> Message:
        message = next(ahead, None)
        return await receive() if message is None else message

    return replay


class _Found(Exception):
    """The namespace of the request is known."""


class _Peek:
    """Reads on until it knows the namespace of the request, inside of its envelope if there is one."""

    def __init__(self, headers: Headers) -> None:
        encoding = headers.get("content-encoding", "").strip().lower()
        self._inflate = zlib.decompressobj(WINDOWS[encoding]) if encoding in WINDOWS else None
        self._label = content_charset(headers.get("content-type", ""))
        self._head = b""
        self._seen = 0
        self._recode: charset.ToUtf8 | None = None
        self._path: list[str] = []
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator="}")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse
        self.namespace: str | None = None

    def feed(self, data: bytes, *, last: bool) -> bool:
        """Whether no more is needed; ``last``: there is no more."""
        try:
            if self._inflate is not None:
                data = self._inflate.decompress(data, PEEK_BYTES)
            self._read(data[:PEEK_BYTES], last=last)
        except _Found:
            return True
        except (OwsError, zlib.error, expat.ExpatError):
            return True  # whoever answers it will say so
        return last or self._seen >= PEEK_BYTES

    def _read(self, data: bytes, *, last: bool) -> None:
        self._seen += len(data)
        if self._recode is None:
            self._head += data
            if len(self._head) < HEAD_BYTES and not last:
                return
            self._recode, data = charset.ToUtf8(charset.detect(self._head, charset=self._label)), self._head
        self._parser.Parse(self._recode.feed(data))

    def _start(self, name: str, _attributes: object) -> None:
        namespace, _, local = name.rpartition("}")
        if not self._path:
            around = local == "Envelope" and namespace in ENVELOPES
        else:
            around = self._path[-1] != "Body" or len(self._path) != 2
        if not around:
            self.namespace = namespace
            raise _Found
        self._path.append(local)

    def _end(self, _name: str) -> None:
        self._path.pop()

    def _refuse(self, *_details: object) -> None:
        raise _Found
