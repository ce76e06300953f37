"""Where jobs are remembered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cloche.model.data import Output
from cloche.model.execute import Mode
from cloche.model.job import Event, Failure, Job, JobId, Usage
from cloche.model.state import State, Wanted


class Conflict(Exception):
    """The job was moved by somebody else, or the move is not in the table; read it again."""


class StoreUnavailable(Exception):
    """The database could not be used: locked for too long, full, gone; nothing was changed. For operators.

    ``full``: it could not grow.
    """

    def __init__(self, text: str, *, full: bool = False) -> None:
        super().__init__(text)
        self.full = full


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Limits checked in the same transaction that adds or claims a job.

    ``parallel`` jobs at most occupy slots, ``waiting`` at most are accepted and not yet claimed;
    ``process_parallel`` caps the job's own process.
    """

    parallel: int
    waiting: int
    process_parallel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a move writes beside the state; None leaves a column as it is."""

    handle: str | None = None
    progress: int | None = None
    message: str | None = None
    failure: Failure | None = None
    outputs: tuple[Output, ...] | None = None
    usage: Usage | None = None
    started: datetime | None = None
    finished: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job stands in lists: by creation, of those of one moment by arrival."""

    created: datetime
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A page of jobs, newest first. ``after`` is the id of the last job of the page before.

    ``before`` is its place: that finds the next page even when the job itself has gone. ``longer_than`` and
    ``shorter_than`` are seconds, inclusive, from start to end, or to now; jobs that have not started have none.
    """

    states: Collection[State] = ()
    processes: Collection[str] = ()
    protocols: Collection[str] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    limit: int = 100
    after: JobId | None = None
    before: Place | None = None
    longer_than: float | None = None
    shorter_than: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request that must not be carried out twice: the client's key, and what tells its request from others."""

    key: str
    digest: str


class Repeated(Exception):
    """A job was added under that key before."""

    def __init__(self, job: JobId, digest: str) -> None:
        super().__init__(job)
        self.job = job
        self.digest = digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A move that a subscriber has to be told of. ``tries`` counts those that failed."""

    number: int
    job: JobId
    state: State
    url: str
    tries: int


class JobStore(Protocol):
    """Jobs and their events in SQL. Every method is one transaction and may be called from any thread.

    Every method raises StoreUnavailable where the database could not be used.
    """

    def add(self, job: Job, *, admission: Admission, mode: Mode, once: Once | None = None) -> Job:
        """Add an accepted job. Raises ServerBusy when a sync job finds no free slot or the queue is full.

        Raises Repeated, before anything else is looked at, where the key of ``once`` has a job already.

        No free slot for a sync job: occupied slots plus jobs already waiting reach ``parallel``, or those of its own
        process reach ``process_parallel``. An async job is refused when they reach ``parallel`` plus ``waiting``.
        Raises NotEnoughStorage where the database cannot grow.
        """
        ...

    def get(self, id: JobId) -> Job:
        """Raises NoSuchJob."""
        ...

    def list(self, query: Query) -> Sequence[Job]:
        """One page."""
        ...

    def want(self, id: JobId, wanted: Wanted) -> Job:
        """Write what a client asks for; idempotent. Raises NoSuchJob; an ended or dismissed job stays as it is."""
        ...

    def claim(self, worker: str, *, parallel: int, per_process: dict[str, int], limit: int) -> Sequence[Job]:
        """Move waiting jobs to STARTING in the order they came, never past ``parallel`` occupied slots.

        Jobs that somebody wants paused or stopped, and jobs of a process at its own limit, are passed over.
        """
        ...

    def move(self, job: Job, to: State, change: Move | None = None) -> Job:
        """Compare-and-swap on ``job.version``; appends an event. Raises Conflict, NoSuchJob.

        What a subscriber is to be told of the move is kept in the same transaction.
        """
        ...

    def note(self, id: JobId, *, progress: int, message: str) -> None:
        """Record progress of a running job; no event, no version, ignored once it ended."""
        ...

    def unended(self) -> Sequence[Job]:
        """Every job that has not ended, oldest first."""
        ...

    def stopping(self) -> Sequence[Job]:
        """Jobs that have not ended and are wanted stopped or paused, or are paused and wanted running."""
        ...

    def events(self, id: JobId, *, after: int = 0) -> Sequence[Event]:
        """The job's history from event ``after`` on."""
        ...

    def overdue(self, now: datetime) -> Sequence[Job]:
        """Accepted jobs that have waited longer than their ``limits.queue_time``."""
        ...

    def known(self, ids: Collection[JobId]) -> set[JobId]:
        """Those of ``ids`` that are jobs: what a sweep keeps."""
        ...

    def expired(self, now: datetime) -> Sequence[Job]:
        """Ended jobs past their ``expires``."""
        ...

    def delete(self, id: JobId) -> None:
        """Forget an ended job. Idempotent."""
        ...

    def counts(self) -> dict[State, int]:
        """How many jobs have not ended, by state."""
        ...

    def callbacks(self, now: datetime, *, limit: int) -> Sequence[Callback]:
        """What subscribers have to be told by now, oldest first."""
        ...

    def told(self, callback: Callback) -> None:
        """The subscriber knows, or will never know. Idempotent."""
        ...

    def tell_again(self, callback: Callback, due: datetime) -> None:
        """The try failed; the next one is due then."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
