"""``ports.bell.Bell`` inside one server."""

import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from cloche.model.job import JobId

log = structlog.get_logger("cloche.engine.bell")

_Entry = tuple[Callable[[], None], bool]


class LocalBell:
    """Listeners are called in the ringing thread, outside of any lock: they hand over at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[JobId, list[_Entry]] = {}

    def ring(self, job: JobId, *, ended: bool = False) -> None:
        with self._lock:
            entries = tuple(self._listeners.get(job, ()))
        for listener, end_only in entries:
            if end_only and not ended:
                continue
            try:
                listener()
            except Exception:
                log.exception("a listener failed", job=job)

    def subscribe(self, job: JobId, listener: Callable[[], None], *, end_only: bool = False) -> Callable[[], None]:
        entry = (listener, end_only)
        with self._lock:
            self._listeners.setdefault(job, []).append(entry)

        def unsubscribe() -> None:
            with self._lock, suppress(KeyError, ValueError):
                self._listeners[job].remove(entry)
                if not self._listeners[job]:
                    del self._listeners[job]

        return unsubscribe
