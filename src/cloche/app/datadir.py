"""The data directory: its names, and the one server that owns it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloche.engine.lock import ServerLock, Taken, holder


class DatadirTaken(Exception):
    """Another server owns the data directory, or it cannot be used; the text names the mend."""


@dataclass(frozen=True, slots=True)
class Datadir:
    """``jobs`` and ``intake`` lie directly below the root, for ``jobdir.workspace``."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "cloche.sqlite"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def drain(self) -> Path:
        return self.root / "cloche.drain"

    @property
    def lock(self) -> Path:
        return self.root / "cloche.lock"

    def server(self) -> int | None:
        """The process number of the server that owns it now, if any."""
        return holder(self.lock)

    @property
    def slots(self) -> Path:
        return self.root / "slots"

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the only server here. Raises DatadirTaken."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # others may pass through to a job directory that is theirs, never look around
            self.root.chmod(0o711)
            lock = ServerLock(self.lock)
        except Taken as taken:
            raise DatadirTaken(
                f"{self.root} belongs to the server with process number {taken.pid or 'unknown'}; "
                "end that one, or choose another [server] datadir"
            ) from None
        except OSError as error:
            raise DatadirTaken(
                f"{self.root} cannot be used: {error.strerror}; choose another [server] datadir"
            ) from None
        try:
            yield
        finally:
            lock.release()
