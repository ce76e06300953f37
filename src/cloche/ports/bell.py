"""How waiting requests learn that a job has moved."""

from collections.abc import Callable
from typing import Protocol

from cloche.model.job import JobId


class Bell(Protocol):
    """Rung by the engine, heard by the service; carries no data: listeners read the store."""

    def ring(self, job: JobId) -> None:
        """The job has moved. Never blocks, never raises."""
        ...

    def subscribe(self, job: JobId, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` from any thread at each ring, until the returned function is called."""
        ...
