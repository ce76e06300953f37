"""Waiting for the end of a job without polling and without a thread."""

import asyncio
import math
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from starlette.types import Receive

from cloche.model.job import Job, JobId
from cloche.model.state import ENDED, State
from cloche.protocols._http.body import Disconnected
from cloche.protocols._http.threads import Threads
from cloche.service.service import Service

T = TypeVar("T")

LOOK_SECONDS = 5.0
"""A job may also be moved by another server, whose bell is not heard here."""
YOUNG_SECONDS = 0.05
"""A job that was accepted a moment ago may have ended before anybody listened."""


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
        young: bool = False,
    ) -> Job:
        """The job when it has ended (is in a state that counts as ``done``), or as it is after ``patience`` seconds.

        ``young``: it was accepted a moment ago, and need not be looked at yet. Raises Disconnected when the client goes
        away, and wants the job stopped then unless not to ``abandon`` it.
        """
        return await self.then(
            _itself, job, receive, threads, patience=patience, abandon=abandon, done=done, young=young
        )

    async def then(
        self,
        answer: Callable[[Job], T],
        job: JobId,
        receive: Receive,
        threads: Threads,
        *,
        patience: float = math.inf,
        abandon: bool = True,
        done: Collection[State] = ENDED,
        young: bool = False,
    ) -> T:
        """What ``answer`` makes of that job, at once and in the thread that has looked."""
        deadline = time.monotonic() + patience

        def look() -> tuple[T] | None:
            current = self._service.job(job)
            return (answer(current),) if current.state in done or time.monotonic() >= deadline else None

        unsubscribe = self._service.subscribe(job, self.ring, end_only=done is ENDED)
        watch = asyncio.ensure_future(_disconnected(receive))
        watch.add_done_callback(lambda _: self._rung.set())
        try:
            if young:
                await self._ring_or_look(min(YOUNG_SECONDS, patience))
            while not watch.done():
                found = await threads.quick(look)
                if found is not None:
                    return found[0]
                await self._ring_or_look(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
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


def _itself(job: Job) -> Job:
    return job


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
