"""What a data directory remembers: enough to look at jobs without a server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloche.app.datadir import Datadir
from cloche.app.drain import Drain
from cloche.jobdir.workspace import JobDirs
from cloche.model.errors import NotPossible
from cloche.model.job import Job
from cloche.model.state import ENDED
from cloche.storage.files import FileStorage
from cloche.store.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Jobs, results and job directories; ``server`` says which process owns them, if a server does."""

    store: SqlStore
    storage: FileStorage
    workspace: JobDirs
    drain: Drain
    server: Callable[[], int | None]

    def forget(self, job: Job) -> None:
        """Remove an ended job with its results. Raises NotPossible while it has not ended."""
        if job.state not in ENDED:
            raise NotPossible(f"Job {job.id} has not ended yet; dismiss it first.", locator=job.id)
        # the row goes last: what is interrupted can be done again
        self.storage.delete(job.id)
        self.workspace.remove(job.id)
        self.store.delete(job.id)


@contextmanager
def archive(datadir: Datadir, owner: tuple[int, int] | None) -> Iterator[Archive]:
    """``owner`` is whom executions run as, if not the server's own user. Raises StoreUnavailable."""
    store = SqlStore(datadir.database)
    try:
        yield Archive(
            store=store,
            storage=FileStorage(datadir.results),
            workspace=JobDirs(datadir.root, owner),
            drain=Drain(datadir.drain),
            server=datadir.server,
        )
    finally:
        store.close()


@contextmanager
def existing(root: Path, owner: tuple[int, int] | None) -> Iterator[Archive]:
    """The archive of a data directory, whether its server runs or not. Raises FileNotFoundError, StoreUnavailable."""
    datadir = Datadir(root)
    if not datadir.database.exists():
        raise FileNotFoundError(datadir.database)
    with archive(datadir, owner) as found:
        yield found
