"""The engine: threads, their rhythm, and nothing about a single job (that is the attendant's)."""

import threading
import time
from collections.abc import Mapping

import structlog

from cloche.engine.absent import AbsentExecutor
from cloche.engine.attendant import Attendant
from cloche.engine.case import Case, Cases
from cloche.engine.crew import Crew
from cloche.engine.housekeeping import Housekeeper
from cloche.engine.policy import Policy
from cloche.engine.recovery import adopt
from cloche.engine.rounds import Rounds
from cloche.engine.worker import worker_name
from cloche.jobdir.layout import Layout
from cloche.jobdir.progress import ProgressTail
from cloche.model.job import Job
from cloche.model.state import State, Wanted
from cloche.ports.bell import Bell
from cloche.ports.executor import Executor
from cloche.ports.fetcher import Fetcher
from cloche.ports.intake import Housekeeping
from cloche.ports.storage import Storage
from cloche.ports.store import JobStore, StoreUnavailable

log = structlog.get_logger("cloche.engine")

_IDLE_S = 1.0
_DRAIN_EVERY_S = 0.05
_SPARE_THREADS = 4
_MOST_THREADS = 64


class Engine:
    """Moves jobs (``ports.engine.Waker``). One engine at a time works on a store and its directories.

    A wake goes straight to a thread that claims and starts; a push of an executor straight to one that collects. The
    loop below them does what must not wait behind those: wishes of clients, rounds, second tries, housekeeping.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        storage: Storage,
        workspace: Housekeeping,
        executors: Mapping[str, Executor],
        fetcher: Fetcher,
        bell: Bell,
        policy: Policy,
        worker: str | None = None,
    ) -> None:
        self._store = store
        self._storage = storage
        self._workspace = workspace
        self._executors = executors
        self._policy = policy
        self._worker = worker or worker_name()
        self._cases = Cases()
        self._crew = Crew(min(_MOST_THREADS, policy.parallel + _SPARE_THREADS))
        self._attendant = Attendant(
            store=store,
            storage=storage,
            workspace=workspace,
            fetcher=fetcher,
            bell=bell,
            policy=policy,
            cases=self._cases,
            slot_freed=self._claim_soon,
        )
        self._rounds = Rounds(self._cases, self._attendant, self._crew, policy.poll)
        self._housekeeper = Housekeeper(store=store, storage=storage, workspace=workspace, bell=bell, policy=policy)
        self._stir = threading.Event()
        self._asleep = False
        self._draining = False
        self._closing = False
        self._loop = threading.Thread(target=self._run, name="cloche-engine", daemon=True)

    def start(self) -> None:
        """Take over what is unended, sweep, and begin. Raises StoreUnavailable."""
        adopted = adopt(
            self._store, self._storage, self._policy, self._worker, opened=self._open, fail=self._attendant.fail
        )
        self._housekeeper.sweep()
        for executor in self._executors.values():
            executor.listen(self._heard)
        for case in adopted:
            self._crew.submit(self._attendant.visit, case)
        self._loop.start()
        self.wake()

    def drain(self, timeout: float) -> int:
        """Claim and start nothing any more; wait for running jobs, paused ones aside, ``timeout`` seconds at most.

        Returns how many still run. Jobs that wait stay in the queue for the next server.
        """
        self._draining = self._attendant.draining = True
        deadline = time.monotonic() + timeout
        while running := sum(case.job.state is not State.PAUSED for case in self._cases):
            if self._closing or time.monotonic() >= deadline:
                break
            time.sleep(_DRAIN_EVERY_S)
        return running

    def stop(self, *, timeout: float = 5.0) -> None:
        """Claim and start nothing any more, finish steps under way; running jobs run on and are adopted later."""
        self._closing = True
        self._attendant.draining = True
        self._stir.set()
        if self._loop.is_alive():
            self._loop.join(timeout)
        self._crew.close(timeout=timeout)

    def wake(self) -> None:
        """Look at the store soon. Never blocks."""
        if not self._closing:
            self._crew.submit(self._answer)

    def heed(self) -> None:
        """Hear what clients want. Never blocks."""
        self._stir.set()
        self._claim_soon()  # it may be to go on with a job that waits

    def _heard(self, key: str) -> None:
        self._crew.submit(self._rounds.heard, key)

    def _claim_soon(self) -> None:
        if not self._closing:
            self._crew.submit(self._go_on)

    def _answer(self) -> None:
        """Claim and begin; afterwards, the job need not wait for that, the loop is stirred if it is asleep."""
        try:
            self._go_on()
        finally:
            if self._asleep:
                self._stir.set()

    def _go_on(self) -> None:
        self._begin(self._claim())

    def _begin(self, cases: list[Case]) -> None:
        """Start what was claimed, the first in this very thread."""
        for case in cases[1:]:
            self._crew.submit(self._attendant.visit, case)
        if cases:
            self._attendant.visit(cases[0])

    def _claim(self) -> list[Case]:
        """Claim for every free slot."""
        if self._closing or self._draining:
            return []
        try:
            claimed = self._store.claim(
                self._worker,
                parallel=self._policy.parallel,
                per_process=dict(self._policy.per_process()),
                limit=self._policy.parallel,
            )
        except StoreUnavailable as error:
            log.warning("store unavailable", reason=str(error))
            return []
        return [self._open(job) for job in claimed]

    def _open(self, job: Job) -> Case:
        layout = Layout(self._workspace.jobdir(job.id))
        executor = self._executors.get(job.executor)
        case = Case(
            job=job,
            executor=executor or AbsentExecutor(job.executor),
            layout=layout,
            wanted=job.wanted,
            tail=ProgressTail(layout.root),
        )
        self._cases.add(case)
        return case

    def _run(self) -> None:
        while not self._closing:
            self._asleep = True  # said before looking: whoever opens a case after the look sees it
            self._asleep = not any(self._cases)
            stirred = self._stir.wait(_IDLE_S if self._asleep else self._policy.poll.total_seconds())
            self._stir.clear()
            if not stirred:
                self._claim_soon()  # a claim found the store locked, another process added a job
            try:
                self._turn()
            except StoreUnavailable as error:
                log.warning("store unavailable", reason=str(error))
            except Exception:
                log.exception("turn failed")

    def _turn(self) -> None:
        self._hear_wishes()
        self._rounds.go()
        self._try_again()
        if self._housekeeper.due():
            self._crew.submit(self._housekeeper.work)

    def _hear_wishes(self) -> None:
        """What clients want of jobs that have not ended."""
        wishes = {job.id: job for job in self._store.stopping()}
        for job in wishes.values():
            if job.state is State.ACCEPTED and job.wanted is Wanted.STOP:
                self._housekeeper.end_waiting(job, State.DISMISSED)
        for case in self._cases:
            wish = wishes.get(case.job.id)
            wanted = Wanted.RUN if wish is None else wish.wanted
            if wanted is not case.wanted:
                case.wanted = wanted
                self._crew.submit(self._attendant.visit_if_free, case)
            if case.stopping() and case.job.state is State.STARTING:
                self._attendant.interrupt(case)

    def _try_again(self) -> None:
        now = time.monotonic()
        for case in self._cases:
            stuck = case.ending is not None or case.job.state in (State.STARTING, State.FINISHING)
            if stuck and case.due is not None and case.due <= now:
                case.due = None
                self._crew.submit(self._attendant.visit_if_free, case)
