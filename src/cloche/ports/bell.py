"""How waiting requests learn that a job has moved."""

from collections.abc import Callable
from typing import Protocol

from cloche.model.job import JobId


class Bell(Protocol):
    """Rung by the engine, heard by the service; carries no data: listeners read the store."""

    def ring(self, job: JobId, *, ended: bool = False) -> None:
        """The job has moved, perhaps to its end. Never blocks, never raises."""
        ...

    def subscribe(self, job: JobId, listener: Callable[[], None], *, end_only: bool = False) -> Callable[[], None]:
        """Call ``listener`` from any thread at each ring, or at that of the end, until the returned function is called.

        Most listeners wait for the end: waking them at every move costs a look into the store each.
        """
        ...
