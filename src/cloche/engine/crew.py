"""Threads that take turns at short pieces of work."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import structlog

log = structlog.get_logger("cloche.engine")

_Work = tuple[Callable[..., object], tuple[object, ...]]


class Crew:
    """Like an executor of the standard library without futures: handing over costs microseconds, and threads are
    daemons, so that a server can end while one of them waits for a slow network.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._closing = False

    def submit(self, call: Callable[..., object], *arguments: object) -> None:
        """Call it in a thread, soon; nothing after ``close``. What it raises is logged."""
        if self._closing:
            return
        self._work.put((call, arguments))
        if not self._idle.acquire(blocking=False):
            self._grow()

    def close(self, *, timeout: float) -> None:
        """Drop what has not begun, and wait for what has, ``timeout`` seconds at most."""
        with self._lock:
            self._closing = True
            threads = tuple(self._threads)
        while not self._work.empty():
            self._work.get()
        for _ in threads:
            self._work.put(None)
        deadline = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _grow(self) -> None:
        with self._lock:
            if len(self._threads) < self._size and not self._closing:
                name = f"cloche-engine-{len(self._threads)}"
                thread = threading.Thread(target=self._toil, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _toil(self) -> None:
        while (work := self._work.get()) is not None:
            call, arguments = work
            try:
                call(*arguments)
            except Exception:
                log.exception("work failed", call=getattr(call, "__qualname__", call))
            del work, call, arguments  # a waiting thread keeps nothing alive
            self._idle.release()
