"""Server-sent events of one job: its moves from the store's history, its progress as it is noted.

Moves have identifiers: a client that lost the connection goes on after the last one it saw. Progress has none, as it is
about now.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from starlette.types import Receive, Send

from cloche.model.errors import NoSuchJob
from cloche.model.job import Event, Job, JobId
from cloche.model.state import ENDED
from cloche.protocols._http.replies import NO_SNIFFING
from cloche.protocols._http.threads import Threads
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.status import CODES, moment, status_info
from cloche.service.service import Service

LOOK_SECONDS = 1.0
"""Progress is noted without a ring."""
QUIET_SECONDS = 15.0
"""Proxies close connections on which nothing happens for long."""
RETRY_MILLISECONDS = 2000

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    NO_SNIFFING,
]


class EventStream:
    """An answer that ends with the job."""

    def __init__(self, service: Service, config: OgcApiConfig, threads: Threads, job: JobId, *, after: int) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._job = job
        self._after = after
        self._progress: tuple[int, str] | None = None
        self._rung = asyncio.Event()

    async def send(self, receive: Receive, send: Send) -> None:
        """Until the job has ended or the client is gone."""
        loop = asyncio.get_running_loop()
        unsubscribe = self._service.subscribe(self._job, partial(_ring, loop, self._rung))
        watch = asyncio.ensure_future(_disconnected(receive))
        watch.add_done_callback(lambda _: self._rung.set())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await self._write(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            await self._go_on(send, watch)
            await send({"type": "http.response.body", "body": b""})
        finally:
            unsubscribe()
            watch.cancel()

    async def _go_on(self, send: Send, watch: "asyncio.Future[None]") -> None:
        quiet = 0.0
        while not watch.done():
            self._rung.clear()  # before the look: a ring from here on is not lost
            try:
                job, moves = await self._threads.quick(self._look)
            except NoSuchJob:
                return  # removed in the meantime
            news = self._news(job, moves)
            quiet = 0.0 if news else quiet + LOOK_SECONDS
            if news or quiet >= QUIET_SECONDS:
                await self._write(send, news or b": still here\n\n")
                quiet = 0.0
            if job.state in ENDED:
                return
            await self._ring_or_look()

    def _look(self) -> tuple[Job, Sequence[Event]]:
        job = self._service.job(self._job)  # first: the history then holds at least the move to this state
        return job, self._service.events(self._job, after=self._after)

    def _news(self, job: Job, moves: Sequence[Event]) -> bytes:
        found = []
        for move in moves:
            self._after = move.number
            told = {"jobID": job.id, "status": CODES[move.state], "state": move.state.value, "time": moment(move.time)}
            text = {"message": move.text} if move.text else {}
            found.append(_event("status", told | text, move.number))
        progress = (job.progress, job.message)
        if progress != self._progress and job.state not in ENDED:
            self._progress = progress
            found.append(_event("progress", {"jobID": job.id, "progress": job.progress, "message": job.message}))
        if job.state in ENDED:
            found.append(_event("end", status_info(job, self._config)))
        return b"".join(found)

    async def _ring_or_look(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._rung.wait()
        except TimeoutError:
            return

    async def _write(self, send: Send, data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})


def _event(name: str, data: Mapping[str, object], number: int | None = None) -> bytes:
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def _ring(loop: asyncio.AbstractEventLoop, rung: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(rung.set)
    except RuntimeError:
        return  # the loop is closed: nobody listens any more


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
