"""Referenced data comes in: by HTTP behind the guard, or from the files that the operator shares."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cloche.engine import addresses
from cloche.engine.decoders import PIECE, Base64, Decoder, Gunzip, Malformed, Receiver
from cloche.engine.download import Order, Timeouts, Unavailable, check_headers, download, parse_url
from cloche.engine.loops import LoopThread
from cloche.engine.shared_files import NotShared, open_shared
from cloche.model.data import ReferenceData
from cloche.model.errors import DataNotAccessible


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """What references may reach, and for how long (seconds).

    ``allowed_hosts`` opens what is not public: ``data.intra``, ``data.intra:8080``, ``*.intra``, ``10.1.0.0/16``.
    ``directories`` hold the files that ``file:`` addresses may name. ``total_timeout`` bounds one request with all its
    redirects.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    total_timeout: float = 600.0
    max_redirects: int = 5
    allowed_hosts: tuple[str, ...] = ()
    directories: tuple[Path, ...] = ()


class HttpFetcher:
    """Implements ``ports.fetcher.Fetcher``. Any thread; one event loop in a thread of its own, begun when needed.

    Proxies and credentials of the environment are never used. Raises ValueError where ``allowed_hosts`` is wrong.
    """

    def __init__(self, policy: FetchPolicy) -> None:
        self._policy = policy
        self._guard = addresses.guard(policy.allowed_hosts)
        self._timeouts = Timeouts(connect=policy.connect_timeout, read=policy.read_timeout, total=policy.total_timeout)
        self._loop = LoopThread("references")

    def fetch(self, reference: ReferenceData, *, into: Path, bodies: Path, max_bytes: int | None) -> int:
        """As the port says; nothing stays at ``into`` after an error.

        Raises concurrent.futures.CancelledError when closed meanwhile or before: nothing is known of the data then.
        """
        fetched = into.with_name(f"{into.name}.body")
        try:
            body = self._body(reference, bodies, fetched, max_bytes)
            return self._receive(reference, body, into, _decoders(reference.format.encoding), max_bytes)
        finally:
            fetched.unlink(missing_ok=True)

    def cancel(self, folder: Path) -> None:
        """As the port says. Files that the operator shares are read to their end."""
        self._loop.cancel(lambda into: isinstance(into, Path) and into.is_relative_to(folder))

    def close(self) -> None:
        """End what is under way. Idempotent."""
        self._loop.close()

    def _body(self, reference: ReferenceData, bodies: Path, fetched: Path, max_bytes: int | None) -> Path | None:
        if reference.body_href is not None:
            self._receive(
                ReferenceData(href=reference.body_href, format=reference.format), None, fetched, (), max_bytes
            )
            return fetched
        if reference.body is None:
            return None
        if Path(reference.body).name != reference.body or reference.body == "..":
            raise DataNotAccessible("The body of the reference is not among the files of its request.")
        return bodies / reference.body

    def _receive(
        self,
        reference: ReferenceData,
        body: Path | None,
        into: Path,
        decoders: Sequence[Decoder],
        max_bytes: int | None,
    ) -> int:
        try:
            with into.open("wb") as file:
                receiver = Receiver(file, decoders, max_bytes)
                self._transfer(reference, body, receiver, into)
                return receiver.finish()
        except BaseException as error:
            into.unlink(missing_ok=True)
            if isinstance(error, Unavailable | Malformed):
                raise DataNotAccessible(f"The data at {shown(reference.href)} could not be had: {error}.") from error
            raise

    def _transfer(self, reference: ReferenceData, body: Path | None, receiver: Receiver, into: Path) -> None:
        scheme = reference.href.strip().partition(":")[0].lower()
        if scheme in ("http", "https"):
            order = Order(
                url=parse_url(reference.href),
                method=reference.method,
                headers=check_headers(reference.headers),
                body=body if reference.method == "POST" else None,
            )
            self._loop.run(
                download(
                    order,
                    receiver,
                    guard=self._guard,
                    timeouts=self._timeouts,
                    max_redirects=self._policy.max_redirects,
                ),
                name=into,
            )
        elif scheme == "file" and self._policy.directories and reference.method == "GET":
            self._read_file(reference.href.strip(), receiver)
        elif scheme == "file" and reference.method == "GET":
            raise Unavailable(
                "this server does not read addresses of that kind; "
                "its operator can allow directories with [server] allowedinputpaths"
            )
        else:
            raise Unavailable("this server does not read addresses of that kind")

    def _read_file(self, href: str, receiver: Receiver) -> None:
        try:
            descriptor = open_shared(href, self._policy.directories)
        except NotShared:
            raise Unavailable("it is not among the files that this server shares") from None
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            receiver.expect(os.fstat(descriptor).st_size)
            while data := file.read(PIECE):
                receiver.write(data)


def shown(href: str) -> str:
    """An address fit for messages: without credentials and query, which may be secrets."""
    try:
        parts = urlsplit(href.strip())
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "the given address"
    text = f"{parts.scheme}://{host}{parts.path}"
    return "".join(c if c.isprintable() else "?" for c in text[:200]) + ("…" if len(text) > 200 else "")


def _decoders(encoding: str) -> Sequence[Decoder]:
    """What undoes the encoding that the client declares; a character encoding needs nothing."""
    match encoding.strip().lower():
        case "base64":
            return (Base64(),)
        case "gzip" | "x-gzip":
            return (Gunzip(),)
        case _:
            return ()
