"""Where synchronous work runs, so that the event loop never waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

QUICK_THREADS = 8
PATIENCE_S = 0.05
"""How long quick work waits for other quick work."""
BULK_THREADS = 4


class Threads:
    """Two pools: large bodies and results may fill theirs without keeping anybody else from being answered."""

    def __init__(self) -> None:
        self._quick = ThreadPoolExecutor(QUICK_THREADS, thread_name_prefix="wps")
        self._turns = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()
        self._bulk = ThreadPoolExecutor(BULK_THREADS, thread_name_prefix="wps-bulk")

    async def quick(self, work: Callable[[], T]) -> T:
        """Milliseconds: queries, submissions, small documents. One after the other, as long as that gets on.

        Threads that are at work at once wait for each other's turn at the interpreter, which costs more than the work.
        """
        loop = asyncio.get_running_loop()
        turn = self._turns.setdefault(loop, asyncio.Lock())
        has_turn = await _taken(turn)
        try:
            return await loop.run_in_executor(self._quick, work)
        finally:
            if has_turn:
                turn.release()

    async def bulk(self, work: Callable[[], T]) -> T:
        """Seconds: parsing and copying much data."""
        return await asyncio.get_running_loop().run_in_executor(self._bulk, work)

    async def iterate(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks, each made in the bulk pool."""
        while (chunk := await self.bulk(lambda: next(chunks, None))) is not None:
            yield chunk


async def _taken(turn: asyncio.Lock) -> bool:
    """Whether it was our turn before patience ran out: it is work's now in any case."""
    try:
        # also where it looks free: who was woken for it comes first
        async with asyncio.timeout(PATIENCE_S):
            return await turn.acquire()
    except TimeoutError:
        return False
