"""What the engine keeps in memory of a job between its claim and its end."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from cloche.jobdir.layout import Layout
from cloche.jobdir.progress import ProgressTail
from cloche.model.job import Job, JobId
from cloche.model.state import State, Wanted
from cloche.ports.executor import Executor, Handle, Task
from cloche.ports.store import Move

_FIRST_DELAY_S = 0.25
_LONGEST_DELAY_S = 30.0


@dataclass(slots=True, kw_only=True, eq=False)
class Case:
    """A claimed job. Whoever holds ``lock`` works on it; all of it can be found again from the store and the disk.

    ``task`` is what was staged; ``asked``: a start may have gone through although no handle came back. ``ending``: the
    end that was concluded and could not be written yet. ``over``: nothing of the execution runs, now or later.
    ``due``: when to try again, ``full_since``: when the end was first kept back by a full disk, on the monotonic clock.
    """

    job: Job
    executor: Executor
    layout: Layout
    wanted: Wanted
    tail: ProgressTail
    handle: Handle | None = None
    asked: bool = False
    task: Task | None = None
    gone_since: float | None = None
    stop_asked: float | None = None
    ending: tuple[State, Move] | None = None
    over: bool = False
    full_since: float | None = None
    closed: bool = False
    failures: int = 0
    due: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stopping(self) -> bool:
        """Whether its end is wanted; the answer can change at any time."""
        return self.wanted is Wanted.STOP

    def postpone(self) -> None:
        """Try again later, and later each time."""
        self.due = time.monotonic() + min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2**self.failures)
        self.failures = min(self.failures + 1, 16)

    def proceed(self, job: Job) -> None:
        """The job has moved: what failed before does not count any more."""
        self.job = job
        self.wanted = job.wanted
        self.calm()

    def calm(self) -> None:
        """What failed works now."""
        self.failures = 0
        self.due = self.full_since = None

    def patient(self) -> bool:
        """Whether it is not yet time to try again."""
        return self.due is not None and time.monotonic() < self.due


class Cases:
    """All open cases."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[JobId, Case] = {}

    def add(self, case: Case) -> None:
        with self._lock:
            self._open[case.job.id] = case

    def close(self, case: Case) -> None:
        """Forget it. Idempotent."""
        case.closed = True
        with self._lock:
            self._open.pop(case.job.id, None)

    def get(self, job: JobId) -> Case | None:
        return self._open.get(job)

    def __iter__(self) -> Iterator[Case]:
        with self._lock:
            return iter(tuple(self._open.values()))
