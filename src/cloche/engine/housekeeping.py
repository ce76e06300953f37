"""What is done now and then: jobs that waited too long, results that expired, directories that nobody owns."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import structlog

from cloche.engine.clock import DeadlineClock
from cloche.engine.ending import dated
from cloche.engine.policy import Policy
from cloche.model.job import Failure, FailureKind, Job, JobId
from cloche.model.state import State
from cloche.ports.bell import Bell
from cloche.ports.intake import Housekeeping
from cloche.ports.storage import Storage
from cloche.ports.store import Conflict, JobStore, Move

log = structlog.get_logger("cloche.engine")

_OVERDUE_EVERY_S = 1.0
_EXPIRE_EVERY_S = 30.0
_SWEEP_EVERY_S = 900.0
_ABANDONED_S = 6 * 3600.0  # no request takes that long between two bytes
_BATCH = 1000


@dataclass(slots=True)
class _Chore:
    """``due`` is on the monotonic clock."""

    do: Callable[[], None]
    every: float
    due: float


class Housekeeper:
    """Called often, works when something is due. Every piece can be interrupted and done again."""

    def __init__(
        self,
        *,
        store: JobStore,
        storage: Storage,
        workspace: Housekeeping,
        bell: Bell,
        policy: Policy,
        clock: DeadlineClock | None = None,
    ) -> None:
        self._store = store
        self._storage = storage
        self._workspace = workspace
        self._bell = bell
        self._policy = policy
        self._clock = clock or DeadlineClock()
        self._busy = threading.Lock()
        now = time.monotonic()
        self._chores = (
            _Chore(self.fail_overdue, _OVERDUE_EVERY_S, now),
            _Chore(self.expire, _EXPIRE_EVERY_S, now),
            # the first sweep is recovery's
            _Chore(lambda: self.sweep(idle=_ABANDONED_S), _SWEEP_EVERY_S, now + _SWEEP_EVERY_S),
        )

    def due(self) -> bool:
        """Whether there is something to do."""
        return not self._busy.locked() and any(time.monotonic() >= chore.due for chore in self._chores)

    def work(self) -> None:
        """Do what is due, one thread at a time."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            for chore in self._chores:
                if time.monotonic() >= chore.due:
                    chore.due = time.monotonic() + chore.every
                    chore.do()
        finally:
            self._busy.release()

    def fail_overdue(self) -> None:
        """Waiting jobs whose queue time is over fail."""
        for job in self._store.overdue(self._clock.now()):
            text = f"queue time limit of {job.limits.queue_time:g} s exceeded"
            self.end_waiting(job, State.FAILED, Failure(kind=FailureKind.LIMIT, text=text))

    def end_waiting(self, job: Job, state: State, failure: Failure | None = None) -> None:
        """End a job that nobody has claimed; nothing where somebody just did."""
        try:
            self._store.move(job, state, dated(Move(failure=failure), self._policy.keep_results))
        except Conflict:
            return
        log.info("waiting job ended", job=job.id, state=state.value, reason=failure.text if failure else "")
        self._bell.ring(job.id, ended=True)
        if not self._policy.keep_workdir:
            self._workspace.strip(job.id)

    def expire(self) -> None:
        """Forget ended jobs whose time has come: results first, so that what is interrupted is found again."""
        while expired := self._store.expired(self._clock.now()):
            for job in expired:
                self._storage.delete(job.id)
                self._workspace.remove(job.id)
                self._store.delete(job.id)
            log.info("jobs expired", number=len(expired))

    def sweep(self, *, idle: float = 0) -> None:
        """Remove what belongs to no job, and what ended jobs should have left behind no more."""
        idle += self._clock.doubt() if idle else 0  # files are dated by the clock on the wall
        intakes = self._workspace.discard_intakes(idle=idle)
        strangers = stripped = 0
        for batch in _batches(self._workspace.jobs(idle=idle)):
            # asked after the directories were listed: whatever is younger than the list is not on it
            known, live = self._store.known(batch), {job.id for job in self._store.unended()}
            for job in batch:
                if job not in known:
                    self._workspace.remove(job)
                    strangers += 1
                elif job not in live and not self._policy.keep_workdir:
                    self._workspace.strip(job)
                    stripped += 1
        for batch in _batches(self._storage.jobs()):
            for job in set(batch) - self._store.known(batch):
                self._storage.delete(job)
                strangers += 1
        if intakes or strangers:
            log.info("swept", intakes=intakes, strangers=strangers, looked_at=stripped)


def _batches(jobs: Iterator[JobId]) -> Iterator[list[JobId]]:
    while batch := list(islice(jobs, _BATCH)):
        yield batch
