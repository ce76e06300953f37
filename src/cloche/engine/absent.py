"""The executor of jobs whose own is not set up any more: settings changed while they waited or ran."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from cloche.ports.executor import Handle, Phase, Refused, Sighting, Task


class AbsentExecutor:
    """Starts nothing and sees nothing; evidence that an execution left on the disk still counts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def start(self, task: Task) -> Handle:
        raise Refused(f"The mode {self.name} is not set up on this server ({task.key}).")

    def find(self, key: str, jobdir: Path) -> Handle | None:  # noqa: ARG002 - the port's
        return None

    def poll(self, handles: Iterable[Handle]) -> Mapping[Handle, Sighting]:
        words = f"the mode {self.name} is not set up any more"
        return {handle: Sighting(phase=Phase.GONE, detail=words) for handle in handles}

    def stop(self, handle: Handle, *, grace: timedelta) -> None:
        """Nothing can be asked."""

    def collect(self, handle: Handle, into: Path) -> None:
        """What is there is there."""

    def release(self, handle: Handle) -> None:
        """Nothing is held."""

    def listen(self, on_change: Callable[[str], None]) -> None:
        """Nothing is ever heard."""

    def close(self) -> None:
        """Nothing is held."""
