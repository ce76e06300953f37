"""Where results live."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from cloche.model.job import JobId


class Storage(Protocol):
    """Files under (job, name); a name is one path segment."""

    def put(self, job: JobId, name: str, source: int, *, media_type: str) -> int:
        """Store the bytes behind an open descriptor, whole or not at all; overwrites. Returns the size in bytes.

        Raises NotEnoughStorage.
        """
        ...

    def size(self, job: JobId, name: str) -> int:
        """Size in bytes. Raises FileNotFoundError."""
        ...

    def read(self, job: JobId, name: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in chunks. Raises FileNotFoundError before the first."""
        ...

    def path(self, job: JobId, name: str) -> Path | None:
        """A local path that the server may send from, or None."""
        ...

    def delete(self, job: JobId) -> None:
        """Remove all of a job's files. Idempotent."""
        ...

    def jobs(self) -> Iterator[JobId]:
        """Every job that has files: what a sweep looks at."""
        ...
