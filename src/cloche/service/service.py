"""The one door of the house: every protocol, page and command comes through here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from cloche.model.execute import Execute
from cloche.model.job import Event, Job, JobId
from cloche.ports.bell import Bell
from cloche.ports.catalog import Catalog, Published
from cloche.ports.engine import Waker
from cloche.ports.executor import Executor
from cloche.ports.intake import Intake, Workspace
from cloche.ports.storage import Storage
from cloche.ports.store import JobStore, Query
from cloche.service.policy import Policy


class Service:
    """Describe, submit, wait, job, results, pause, resume, dismiss. Plain synchronous code; any thread."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        store: JobStore,
        storage: Storage,
        workspace: Workspace,
        executors: Mapping[str, Executor],
        waker: Waker,
        bell: Bell,
        policy: Policy,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._storage = storage
        self._workspace = workspace
        self._executors = executors
        self._waker = waker
        self._bell = bell
        self._policy = policy

    def processes(self) -> Sequence[Published]:
        """Everything published, ordered by identifier."""
        return self._catalog.processes()

    def process(self, id: str) -> Published:
        """Raises NoSuchProcess."""
        return self._catalog.get(id)

    def catalog_version(self) -> int:
        """Grows whenever what is published changes."""
        return self._catalog.version()

    @property
    def policy(self) -> Policy:
        """What the operator allows."""
        return self._policy

    def intake(self) -> Intake:
        """A directory for the files of one request; ``submit`` takes it over or discards it."""
        return self._workspace.intake()

    def submit(self, request: Execute, intake: Intake | None = None) -> Job:
        """Check the request against the description and the limits, and queue it.

        Raises NoSuchProcess, every InputError, NoSuchOutput, NoSuchFormat, NoSuchMode, ServerBusy, NotEnoughStorage;
        the intake is discarded then.
        """
        raise NotImplementedError

    def job(self, id: JobId) -> Job:
        """Raises NoSuchJob."""
        return self._store.get(id)

    def jobs(self, query: Query) -> Sequence[Job]:
        """One page of jobs, newest first."""
        return self._store.list(query)

    def events(self, id: JobId, *, after: int = 0) -> Sequence[Event]:
        """The history of a job."""
        return self._store.events(id, after=after)

    def subscribe(self, id: JobId, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` from any thread whenever the job has moved, until the returned function is called."""
        return self._bell.subscribe(id, listener)

    def wait(self, id: JobId, *, timeout: float | None = None) -> Job:
        """Block until the job has ended or ``timeout`` seconds have passed; returns it as it is then."""
        raise NotImplementedError

    def output_path(self, id: JobId, name: str) -> Path | None:
        """A local file to send an output from, or None where storage has none. Raises NoSuchJob."""
        raise NotImplementedError

    def read_output(self, id: JobId, name: str) -> Iterator[bytes]:
        """The bytes of a stored output in chunks. Raises NoSuchJob."""
        raise NotImplementedError

    def log(self, id: JobId) -> str:
        """What the execution printed. Raises NoSuchJob."""
        raise NotImplementedError

    def dismiss(self, id: JobId) -> Job:
        """Stop the job wherever it is; the end is observed later. Idempotent. Raises NoSuchJob."""
        raise NotImplementedError

    def pause(self, id: JobId) -> Job:
        """Hold the job still. Raises NoSuchJob, NotPossible."""
        raise NotImplementedError

    def resume(self, id: JobId) -> Job:
        """Undo pause. Raises NoSuchJob, NotPossible."""
        raise NotImplementedError

    def purge(self, id: JobId) -> None:
        """Forget an ended job with its results. Raises NoSuchJob, NotPossible while it has not ended."""
        raise NotImplementedError
