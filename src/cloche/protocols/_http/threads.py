"""Where synchronous work runs, so that the event loop never waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

QUICK_THREADS = 8
PATIENCE_S = 0.05
BULK_THREADS = 4


class Threads:
    """Two pools: large bodies and results may fill theirs without keeping anybody else from being answered."""

    def __init__(self) -> None:
        self._quick = ThreadPoolExecutor(QUICK_THREADS, thread_name_prefix="wps")
        self._turn = asyncio.Lock()
        self._bulk = ThreadPoolExecutor(BULK_THREADS, thread_name_prefix="wps-bulk")

    async def quick(self, work: Callable[[], T]) -> T:
        """Milliseconds: queries, submissions, small documents. One after the other, as long as that gets on.

        Threads that are at work at once wait for each other's turn at the interpreter, which costs more than the work.
        """
        has_turn = await self._take_turn()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._quick, work)
        finally:
            if has_turn:
                self._turn.release()

    async def _take_turn(self) -> bool:
        if not self._turn.locked():
            return await self._turn.acquire()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._turn.acquire()
        except TimeoutError:
            return False

    async def bulk(self, work: Callable[[], T]) -> T:
        """Seconds: parsing and copying much data."""
        return await asyncio.get_running_loop().run_in_executor(self._bulk, work)

    async def iterate(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks, each made in the bulk pool."""
        while (chunk := await self.bulk(lambda: next(chunks, None))) is not None:
            yield chunk
