"""A POSTed document, read as it arrives: its root to whoever carries the request out, its data to files."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from cloche.protocols._http.body import read_body
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._http.threads import Threads
from cloche.protocols._ows.answering import Exchange
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.reader import Reader
from cloche.protocols._ows.soap import unwrap

T = TypeVar("T")


class Receiver:
    """``payloads`` and ``structural`` as ``Reader`` has them."""

    def __init__(
        self,
        *,
        limits: BodyLimits,
        payloads: Collection[tuple[str, str]],
        structural: Collection[str] = (),
        threads: Threads,
    ) -> None:
        self._limits = limits
        self._payloads = payloads
        self._structural = structural
        self._threads = threads

    async def read(self, exchange: Exchange, deposit: Deposit, carry_out: Callable[[Node], T]) -> T:
        """What ``carry_out`` makes of the root element, in a thread; ``exchange.soap`` is known by then.

        The deposit is discarded when that fails. Raises OwsError, BodyRefused, InputError, Disconnected, and what it
        raises.
        """
        reader = Reader(
            deposit,
            self._limits,
            payloads=self._payloads,
            structural=self._structural,
            content_charset=charset(exchange.headers.get("content-type", "")),
        )

        def finish(rest: bytes) -> T:
            reader.feed(rest)
            root, exchange.soap = unwrap(reader.close())
            return carry_out(root)

        try:
            rest, large = await self._feed(exchange, reader)
            run = self._threads.bulk if large else self._threads.quick
            return await run(partial(finish, rest))
        except BaseException:
            if deposit.intake is not None:
                await self._threads.quick(deposit.discard)
            raise
        finally:
            reader.release()

    async def _feed(self, exchange: Exchange, reader: Reader) -> tuple[bytes, bool]:
        """Feed the body to the reader; what is left when it ends, and whether there was more than that."""
        batch = bytearray()
        large = False
        async for chunk in read_body(exchange.headers, exchange.receive, self._limits):
            batch += chunk
            if len(batch) > self._limits.memory_bytes:
                await self._threads.bulk(partial(reader.feed, bytes(batch)))
                batch.clear()
                large = True
        return bytes(batch), large


def charset(content_type: str) -> str:
    """The parameter of a Content-Type, or an empty text."""
    parameters = (part.strip().partition("=") for part in content_type.split(";")[1:])
    return next((value.strip("\"' ") for name, _, value in parameters if name.lower() == "charset"), "")
