"""What the service may ask of the engine."""

from typing import Protocol


class Waker(Protocol):
    """The engine's doorbell."""

    def wake(self) -> None:
        """Look at the store soon: a job was added. Never blocks."""
        ...

    def heed(self) -> None:
        """Look at the store soon: somebody wants something of a job, whatever else there is to do. Never blocks."""
        ...
