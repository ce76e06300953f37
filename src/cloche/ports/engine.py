"""What the service may ask of the engine."""

from typing import Protocol


class Waker(Protocol):
    """The engine's doorbell."""

    def wake(self) -> None:
        """Look at the store soon: a job was added, or somebody wants something. Never blocks."""
        ...
