"""Asks executors what they see: at every push, and in rounds below that."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

import structlog

from cloche.engine.attendant import Attendant
from cloche.engine.case import Case, Cases
from cloche.engine.crew import Crew
from cloche.model.state import State
from cloche.ports.executor import Executor, Handle, Phase, Sighting, Unreachable

log = structlog.get_logger("cloche.engine")

_WATCHED = frozenset({State.RUNNING, State.PAUSED})
_LONGEST_PAUSE_S = 30.0
_COST = 5  # a round that took a second is not repeated within five
_TOLERATED = 5  # errors of an executor about one job, until the job is given up


@dataclass(slots=True)
class _Beat:
    """When an executor is asked next; ``pause`` grows while it cannot be reached or answers slowly."""

    pause: float
    due: float = 0.0
    busy: bool = False


class Rounds:
    """One round an executor at a time; jobs are visited with what it said of them."""

    def __init__(self, cases: Cases, attendant: Attendant, crew: Crew, poll: timedelta) -> None:
        self._cases = cases
        self._attendant = attendant
        self._crew = crew
        self._floor = poll.total_seconds()
        self._beats: dict[str, _Beat] = defaultdict(lambda: _Beat(pause=self._floor))
        self._errors: dict[str, int] = {}
        self._lock = threading.Lock()

    def go(self) -> None:
        """Begin the rounds that are due."""
        for name, cases in self._watched().items():
            beat = self._beats[name]
            with self._lock:
                if beat.busy or time.monotonic() < beat.due:
                    continue
                beat.busy = True
            self._crew.submit(self._round, cases[0].executor, cases, beat)

    def heard(self, key: str) -> None:
        """An executor pushed news of a job: look at it now, in the calling thread."""
        case = self._cases.get(key)
        # not started as far as we know: whoever starts it is about to look
        if case is None or case.handle is None:
            return
        try:
            seen = case.executor.poll([case.handle]).get(case.handle)
        except Unreachable:
            seen = None
        self._attendant.visit(case, seen)

    def _watched(self) -> dict[str, list[Case]]:
        watched: dict[str, list[Case]] = defaultdict(list)
        for case in self._cases:
            if case.job.state in _WATCHED and case.handle is not None:
                watched[case.job.executor].append(case)
        return watched

    def _round(self, executor: Executor, cases: list[Case], beat: _Beat) -> None:
        begin = time.monotonic()
        reached = False
        try:
            sightings = self._ask(executor, cases)
            reached = sightings is not None
            for case in cases:
                self._tell(case, (sightings or {}).get(case.job.id))
        finally:
            now = time.monotonic()
            with self._lock:
                beat.pause = max(self._floor, _COST * (now - begin)) if reached else beat.pause * 2
                beat.pause = min(beat.pause, _LONGEST_PAUSE_S)
                beat.due = now + beat.pause
                beat.busy = False

    def _ask(self, executor: Executor, cases: list[Case]) -> dict[str, Sighting] | None:
        """What is known by job; None where the executor could not be reached."""
        handles = [case.handle for case in cases if case.handle is not None]
        try:
            return {handle.key: seen for handle, seen in executor.poll(handles).items()}
        except Unreachable as error:
            log.warning("executor unreachable", executor=executor.name, reason=str(error))
            return None
        except Exception:
            log.exception("executor failed", executor=executor.name)
        return self._ask_one_by_one(executor, handles)

    def _ask_one_by_one(self, executor: Executor, handles: list[Handle]) -> dict[str, Sighting] | None:
        """Find out whose handle it is that the executor cannot bear; the job is given up when it stays so."""
        seen: dict[str, Sighting] = {}
        for handle in handles:
            try:
                seen |= {found.key: sighting for found, sighting in executor.poll([handle]).items()}
                self._errors.pop(handle.key, None)
            except Unreachable:
                return None
            except Exception:
                log.exception("executor failed", executor=executor.name, job=handle.key)
                self._count_error(handle.key)
        return seen

    def _count_error(self, job: str) -> None:
        self._errors[job] = self._errors.get(job, 0) + 1
        case = self._cases.get(job)
        if case is not None and self._errors[job] >= _TOLERATED:
            del self._errors[job]
            self._attendant.give_up(case)

    def _tell(self, case: Case, seen: Sighting | None) -> None:
        """Ends take long, so they get a thread each; everything else is done in the round."""
        if seen is not None and seen.phase is Phase.GONE:
            self._crew.submit(self._attendant.visit, case, seen)
        elif not case.patient():
            self._attendant.visit_if_free(case, seen)
