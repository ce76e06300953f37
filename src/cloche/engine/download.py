"""One HTTP request behind the guard: redirects followed by hand, the body streamed into a receiver."""

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import httpcore2
from yarl import URL

from cloche.engine.addresses import Guard
from cloche.engine.connecting import GuardedBackend, trusted
from cloche.engine.decoders import PIECE, Receiver

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_TEXT = re.compile(r"[\t\x20-\x7e\x80-\uffff]{0,8192}")
_ENCODED = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_MAX_HEADERS = 50
_OURS = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "expect", "host", "http2-settings",
    "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers that decide about the connection and the framing of messages."""

_MOVED = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_ERRORS = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol)
# what the library's protocol errors say of an answer that has no end
_BROKEN_OFF = ("peer closed connection", "Server disconnected")
_NO_CONNECTION = "it cannot be reached, or is not among the addresses that this server reads from"


class Unavailable(Exception):
    """The data could not be had; the text says why, for the client, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: for name and connection, for the next bytes to come, for everything with all redirects."""

    connect: float
    read: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to ask for. ``body`` is a file to post; ``headers`` are the client's, for the first origin only."""

    url: URL
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Path | None = None


def parse_url(text: str) -> URL:
    """An absolute http or https address. Raises Unavailable."""
    try:
        url = _url(text.strip())
        usable = _is_usable(url)
    except ValueError:
        usable = False
    if not usable:
        raise Unavailable("its address is not valid")
    return url


def _url(text: str) -> URL:
    """What is encoded already stays as it is, to the letter: signatures may depend on it. Raises ValueError."""
    return URL(text, encoded=_ENCODED.fullmatch(text) is not None)


def _is_usable(url: URL) -> bool:
    """Whether one can ask for it. Raises ValueError: a port is looked at when it is asked for."""
    return url.scheme in ("http", "https") and bool(url.raw_host) and url.port is not None


def check_headers(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """A client's headers as a mapping. Raises Unavailable for those that are not a client's to set."""
    if len(headers) > _MAX_HEADERS:
        raise Unavailable(f"more than {_MAX_HEADERS} headers are given")
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or not _TEXT.fullmatch(value):
            raise Unavailable("one of its headers is not well-formed")
        if name.lower() in _OURS:
            raise Unavailable(f"header {name} cannot be set")
    return dict(headers)


async def download(order: Order, receiver: Receiver, *, guard: Guard, timeouts: Timeouts, max_redirects: int) -> None:
    """Write what the address answers to the receiver. Raises Unavailable, and what the receiver raises."""
    try:
        async with asyncio.timeout(timeouts.total):
            for _ in range(max_redirects + 1):
                target = await _exchange(order, receiver, guard, timeouts)
                if target is None:
                    return
                order = target
    except (*_ERRORS, TimeoutError, UnicodeError) as error:
        raise Unavailable(_reason(error)) from error
    raise Unavailable("it is redirected too often")


async def _exchange(order: Order, receiver: Receiver, guard: Guard, timeouts: Timeouts) -> Order | None:
    """One request and its answer; the next order where it is a redirect."""
    url = order.url
    host = (url.raw_host or "").encode("ascii")
    async with AsyncExitStack() as stack:
        # a pool of its own: no connection that one host was allowed is there for another
        pool = await stack.enter_async_context(
            httpcore2.AsyncConnectionPool(
                ssl_context=trusted() if url.scheme == "https" else None,
                max_keepalive_connections=0,
                network_backend=GuardedBackend(guard),
            )
        )
        body = None if order.body is None else stack.enter_context(order.body.open("rb"))
        response = await stack.enter_async_context(
            pool.stream(
                order.method,
                httpcore2.URL(scheme=url.scheme, host=host, port=url.port, target=url.raw_path_qs),
                headers=_headers(order),
                content=None if body is None else _pieces(body),
                extensions={"timeout": {"connect": timeouts.connect, "read": timeouts.read, "write": timeouts.read}},
            )
        )
        if response.status in _MOVED:
            return _follow(order, response)
        if not 200 <= response.status < 300:
            raise Unavailable(f"its server answers with status {response.status}")
        _undo_transport(response, receiver)
        async for data in response.aiter_stream():
            receiver.write(data)
    return None


async def _pieces(body: BinaryIO) -> AsyncIterator[bytes]:
    while data := body.read(PIECE):
        yield data


def _header(response: httpcore2.Response, name: bytes) -> str:
    return ", ".join(value.decode("latin-1") for key, value in response.headers if key.lower() == name)


def _headers(order: Order) -> list[tuple[bytes, bytes]]:
    """Ours, then the client's in the place of ours; text beyond ASCII as UTF-8."""
    headers = {"Host": _authority(order.url), "Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "Cloche"}
    if order.body is not None:
        headers["Content-Type"] = _content_type(order.body)
        headers["Content-Length"] = str(order.body.stat().st_size)
    if order.url.user is not None:
        headers["Authorization"] = _basic(order.url.user, order.url.password or "")
    given = {name.lower() for name in order.headers}
    sent = {name: value for name, value in headers.items() if name.lower() not in given} | dict(order.headers)
    return [(name.encode("ascii"), value.encode()) for name, value in sent.items()]


def _authority(url: URL) -> str:
    host = f"[{url.raw_host}]" if ":" in (url.raw_host or "") else url.raw_host or ""
    return host if url.is_default_port() else f"{host}:{url.port}"


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _content_type(body: Path) -> str:
    with body.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return {b"<": "text/xml", b"{": "application/json", b"[": "application/json"}.get(start, "application/octet-stream")


def _follow(order: Order, response: httpcore2.Response) -> Order:
    location = _header(response, b"location")
    try:
        target = order.url.join(_url(location))
        usable = bool(location) and _is_usable(target)
    except ValueError:
        usable = False
    if not usable:
        raise Unavailable("it is redirected to an address that is not valid")
    target = target.with_user(None)
    following = replace(order, url=target)
    if target.origin() == order.url.with_user(None).origin():
        following = replace(following, url=target.with_user(order.url.user).with_password(order.url.password))
    else:
        # what the client sends along is meant for the server that it named
        following = replace(following, headers={})
    if response.status not in _KEEPS_METHOD and order.method == "POST":
        following = replace(following, method="GET", body=None)
    return following


def _undo_transport(response: httpcore2.Response, receiver: Receiver) -> None:
    encodings = [name.strip().lower() for name in _header(response, b"content-encoding").split(",")]
    encodings = [name for name in encodings if name not in ("", "identity")]
    if encodings and (len(encodings) > 1 or encodings[0] not in ("gzip", "x-gzip")):
        raise Unavailable("its server encodes the answer in a way that was not asked for")
    if encodings:
        receiver.gunzip_transport()
    length = _header(response, b"content-length")
    receiver.expect(int(length) if length.isascii() and length.isdigit() else None)


def _reason(error: Exception) -> str:
    if error.args and isinstance(error.args[0], ssl.SSLError):
        return "its server has no valid certificate"
    # one text for all of these: it tells nobody which names and ports exist behind this server
    if isinstance(error, httpcore2.ConnectError | httpcore2.ConnectTimeout):
        return _NO_CONNECTION
    if isinstance(error, TimeoutError | httpcore2.TimeoutException):
        return "it takes too long"
    if isinstance(error, httpcore2.NetworkError) or str(error).startswith(_BROKEN_OFF):
        return "the connection broke off before the end"
    return "its server does not answer as it should"
