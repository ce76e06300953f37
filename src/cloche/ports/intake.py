"""Where the bytes of a request wait until it becomes a job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from cloche.model.job import JobId


class Intake(Protocol):
    """A private directory of one request. The protocol writes input files into ``path`` under bare names."""

    path: Path

    def discard(self) -> None:
        """Remove it and all files; nothing after ``Workspace.adopt``. Idempotent."""
        ...


class Workspace(Protocol):
    """Makes and removes the directories of jobs."""

    def intake(self) -> Intake:
        """A new, empty intake."""
        ...

    def adopt(self, job: JobId, intake: Intake | None) -> None:
        """Lay out the job directory; the intake's files become its ``in/`` without being copied."""
        ...

    def jobdir(self, job: JobId) -> Path:
        """Where the job directory is, or would be."""
        ...

    def remove(self, job: JobId) -> None:
        """Remove the job directory. Idempotent."""
        ...

    def log(self, job: JobId) -> str:
        """What the execution printed (standard output and error, capped), or an empty text."""
        ...


class Housekeeping(Protocol):
    """What the engine does with the directories of jobs."""

    def jobdir(self, job: JobId) -> Path:
        """Where the job directory is, or would be."""
        ...

    def trim(self, job: JobId, *, results: bool) -> None:
        """Make room: remove what an execution that is over has left, but not what tells how it ended.

        ``results``: keep its outputs, too. Idempotent. Raises OSError.
        """
        ...

    def strip(self, job: JobId) -> None:
        """Remove the inputs and work files of an ended job; what it printed stays. Idempotent."""
        ...

    def remove(self, job: JobId) -> None:
        """Remove the job directory. Idempotent."""
        ...

    def jobs(self, *, idle: float = 0) -> Iterator[JobId]:
        """Every job that has a directory which nobody has touched for ``idle`` seconds."""
        ...

    def discard_intakes(self, *, idle: float = 0) -> int:
        """Remove intakes that no request has written to for ``idle`` seconds; returns how many."""
        ...
