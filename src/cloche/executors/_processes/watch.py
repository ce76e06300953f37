"""One thread that waits for descriptors: pidfds, of processes that end; sockets, of supervisors that have done."""

import os
import select
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Watch:
    """Calls back within a millisecond. ``add`` from any thread; callbacks from the watch's own."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._waiting: dict[int, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.EPOLLIN)
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, descriptor: int, ended: Callable[[], None]) -> None:
        """Own the descriptor from now on; call ``ended`` once when it can be read."""
        with self._lock:
            if self._closing:
                os.close(descriptor)
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cloche-watch", daemon=True)
                self._thread.start()
            self._waiting[descriptor] = ended
            self._poll.register(descriptor, select.EPOLLIN)

    def close(self) -> None:
        """End the thread and forget what it waits for. Idempotent."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            thread = self._thread
        os.eventfd_write(self._wake, 1)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._lock:
            for descriptor in self._waiting:
                os.close(descriptor)
            self._waiting.clear()
            self._poll.close()
            os.close(self._wake)

    def _run(self) -> None:
        while not self._closing:
            for descriptor, _ in self._poll.poll():
                if descriptor != self._wake:
                    self._end(descriptor)

    def _end(self, descriptor: int) -> None:
        with self._lock:
            self._poll.unregister(descriptor)
            ended = self._waiting.pop(descriptor)
        os.close(descriptor)
        try:
            ended()
        except Exception:  # the edge of the thread: others are still waited for
            log.exception("watch callback failed")
