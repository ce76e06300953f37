"""``ports.bell.Bell`` inside one server."""

import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from cloche.model.job import JobId

log = structlog.get_logger("cloche.engine.bell")


class LocalBell:
    """Listeners are called in the ringing thread, outside of any lock: they hand over at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[JobId, list[Callable[[], None]]] = {}

    def ring(self, job: JobId) -> None:
        with self._lock:
            listeners = tuple(self._listeners.get(job, ()))
        for listener in listeners:
            try:
                listener()
            except Exception:
                log.exception("a listener failed", job=job)

    def subscribe(self, job: JobId, listener: Callable[[], None]) -> Callable[[], None]:
        with self._lock:
            self._listeners.setdefault(job, []).append(listener)

        def unsubscribe() -> None:
            with self._lock, suppress(KeyError, ValueError):
                self._listeners[job].remove(listener)
                if not self._listeners[job]:
                    del self._listeners[job]

        return unsubscribe
