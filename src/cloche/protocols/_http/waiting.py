"""Waiting for the end of a job without polling and without a thread."""

import asyncio
import math
import time
from collections.abc import Collection

from starlette.types import Receive

from cloche.model.job import Job, JobId
from cloche.model.state import ENDED, State
from cloche.protocols._http.body import Disconnected
from cloche.protocols._http.threads import Threads
from cloche.service.service import Service

LOOK_SECONDS = 5.0
"""A job may also be moved by another server, whose bell is not heard here."""


class Awaited:
    """A bell for one request. ``subscribe`` may be called in any thread, before or after the job moves."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """The job has moved. Any thread."""
        try:
            self._loop.call_soon_threadsafe(self._rung.set)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    async def end(
        self,
        job: JobId,
        receive: Receive,
        threads: Threads,
        *,
        patience: float = math.inf,
        abandon: bool = True,
        done: Collection[State] = ENDED,
    ) -> Job:
        """The job when it has ended (is in a state that counts as ``done``), or as it is after ``patience`` seconds.

        Raises Disconnected when the client goes away, and wants the job stopped then unless not to ``abandon`` it.
        """
        deadline = time.monotonic() + patience
        unsubscribe = self._service.subscribe(job, self.ring, end_only=done is ENDED)
        watch = asyncio.ensure_future(_disconnected(receive))
        watch.add_done_callback(lambda _: self._rung.set())
        try:
            while True:
                current = await threads.quick(lambda: self._service.job(job))
                left = deadline - time.monotonic()
                if current.state in done or left <= 0:
                    return current
                await self._ring_or_look(min(LOOK_SECONDS, left))
                if watch.done():
                    if abandon:
                        await threads.quick(lambda: self._service.dismiss(job))
                    raise Disconnected
        finally:
            unsubscribe()
            watch.cancel()

    async def _ring_or_look(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
