"""Where executions run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from cloche.model.limits import Limits


class Refused(Exception):
    """The executor will never run this task; the text says why to the client, ``detail`` says more to operators."""

    def __init__(self, text: str, *, detail: str = "") -> None:
        super().__init__(text)
        self.detail = detail


class Unreachable(Exception):
    """The executor could not be asked; nothing is known. Try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One execution. ``key`` is the job's identifier and finds the task again after a crash.

    ``jobdir`` is laid out as the ``jobdir`` room says, inputs staged. ``package`` names the process package as the
    settings do; ``image`` a container image where the mode has them.
    """

    key: str
    package: str
    jobdir: Path
    limits: Limits
    image: str | None = None
    network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A started task: ``native`` is the executor's own text, all that it needs to find the task after a restart."""

    key: str
    native: str


class Phase(Enum):
    """What the back-end said. GONE: it answered, and the task is not there. Silence is Unreachable, never a phase."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A phase with the back-end's own words, for the log and for a lost job's reason."""

    phase: Phase
    detail: str = ""


class Executor(Protocol):
    """Runs tasks somewhere. Every method may be called from any thread."""

    name: str

    def start(self, task: Task) -> Handle:
        """Ask for the execution and return at once; a second start of the same key runs nothing twice.

        Raises Refused (final) or Unreachable (try again).
        """
        ...

    def find(self, key: str, jobdir: Path) -> Handle | None:
        """The task of that key where a start went through without being recorded. Raises Unreachable."""
        ...

    def poll(self, handles: Iterable[Handle]) -> Mapping[Handle, Sighting]:
        """What is known of each handle; total, without effects. Raises Unreachable."""
        ...

    def stop(self, handle: Handle, *, grace: timedelta) -> None:
        """Ask for the end of every process of the task, by force after ``grace``. Idempotent; the end shows in poll."""
        ...

    def collect(self, handle: Handle, into: Path) -> None:
        """Bring the job directory's results to ``into``; nothing to do on a shared file system."""
        ...

    def release(self, handle: Handle) -> None:
        """Give back what the task still holds (containers, control groups). Idempotent."""
        ...

    def listen(self, on_change: Callable[[str], None]) -> None:
        """Call ``on_change(key)`` from any thread when the back-end pushed news of a task. Polling stays the floor."""
        ...

    def close(self) -> None:
        """End the executor's own helpers; running tasks go on."""
        ...


@runtime_checkable
class Pausable(Protocol):
    """An executor that can really hold a task still."""

    def pause(self, handle: Handle) -> None:
        """No process of the task runs any more when poll says PAUSED. Idempotent."""
        ...

    def resume(self, handle: Handle) -> None:
        """Undo pause. Idempotent."""
        ...
