"""Takes one job one step further, again and again: the only place that moves a claimed job."""

import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import UTC, datetime, timedelta

import structlog

from cloche.engine import collecting, outcome
from cloche.engine.case import Case, Cases
from cloche.engine.ending import dated
from cloche.engine.policy import Policy
from cloche.engine.staging import Unfit, stage
from cloche.engine.verdict import verdict
from cloche.jobdir.collector import Unsafe, read_untrusted_json
from cloche.jobdir.files import RecordError
from cloche.jobdir.layout import HERE
from cloche.jobdir.records import ExitRecord, ResultRecord
from cloche.model.errors import NoSuchJob, NotEnoughStorage
from cloche.model.job import Failure, FailureKind
from cloche.model.state import ENDED, State, Wanted
from cloche.ports.bell import Bell
from cloche.ports.executor import Handle, Pausable, Phase, Refused, Sighting, Unreachable
from cloche.ports.fetcher import Fetcher
from cloche.ports.intake import Housekeeping
from cloche.ports.storage import Storage
from cloche.ports.store import Conflict, JobStore, Move, StoreUnavailable

log = structlog.get_logger("cloche.engine")

_EXIT = str(HERE.exit)
MAX_EXIT_BYTES = 64 << 10
ASK_AGAIN_S = 5.0
FULL_S = 30.0
_BROKEN = "An internal error ended the job."
_NO_ROOM = "There is no room left to store the results."


class Attendant:
    """Every step reads where the job stands and can be repeated; what it needs is in the store and on the disk."""

    def __init__(
        self,
        *,
        store: JobStore,
        storage: Storage,
        workspace: Housekeeping,
        fetcher: Fetcher,
        bell: Bell,
        policy: Policy,
        cases: Cases,
        slot_freed: Callable[[], None],
    ) -> None:
        self._store = store
        self._storage = storage
        self._workspace = workspace
        self._fetcher = fetcher
        self._bell = bell
        self._policy = policy
        self._cases = cases
        self._slot_freed = slot_freed
        self.draining = False

    def visit(self, case: Case, seen: Sighting | None = None) -> None:
        """Take the job further; ``seen`` is what the executor just said."""
        with case.lock:
            if not case.closed:
                self._try(case, seen)

    def visit_if_free(self, case: Case, seen: Sighting | None = None) -> None:
        """The same, but nothing where another thread is at it: it may be for long."""
        if case.lock.acquire(blocking=False):
            try:
                if not case.closed:
                    self._try(case, seen)
            finally:
                case.lock.release()

    def interrupt(self, case: Case) -> None:
        """End what keeps a job from hearing that it is not wanted any more: somebody is fetching its inputs."""
        self._fetcher.cancel(case.layout.root)

    def give_up(self, case: Case) -> None:
        """End a job that its executor cannot handle; whatever still runs is asked to end."""
        with case.lock:
            if not case.closed:
                self._give_up(case)

    def _try(self, case: Case, seen: Sighting | None) -> None:
        try:
            self._step(case, seen)
            case.calm()
        except Unreachable as error:
            log.warning("executor unreachable", job=case.job.id, executor=case.executor.name, reason=str(error))
            case.postpone()
        except StoreUnavailable as error:
            log.warning("store unavailable", job=case.job.id, reason=str(error))
            case.postpone()
            if error.full:
                self._make_room(case)
        except (Conflict, NoSuchJob) as error:
            log.warning("job moved by somebody else", job=case.job.id, reason=str(error))
            self._read_again(case)
        except Exception:
            log.exception("step failed", job=case.job.id, state=case.job.state.value)
            self._give_up(case)

    def _step(self, case: Case, seen: Sighting | None) -> None:
        if case.ending is not None:
            self._end(case, *case.ending)
        elif case.job.state is State.STARTING:
            self._start(case)
        elif case.job.state is State.FINISHING:
            self._finish(case, Move())
        else:
            self._look(case, seen)

    def _make_room(self, case: Case) -> None:
        """The disk may be full of what this very execution left: kept until its end is written, it would stay for ever.

        After a while the outputs go as well: a job that cannot be told to have succeeded has failed.
        """
        if not case.over or self._policy.keep_workdir:
            return
        now = time.monotonic()
        case.full_since = now if case.full_since is None else case.full_since
        hopeless = now - case.full_since > FULL_S
        if hopeless and case.ending is None:
            case.ending = (State.FAILED, Move(failure=_internal(_NO_ROOM)))
        wanted = case.ending is None or case.ending[0] is State.SUCCEEDED
        try:
            self._workspace.trim(case.job.id, results=wanted and not hopeless)
        except OSError:
            log.exception("cleaning failed", job=case.job.id)

    # starting -> running

    def _start(self, case: Case) -> None:
        if case.handle is None and case.asked:
            case.handle = case.executor.find(case.job.id, case.layout.root)
        if case.handle is None and not self._begin(case):
            return
        assert case.handle is not None
        self._move(case, State.RUNNING, Move(handle=case.handle.native, started=_now()))
        self._attend_wishes(case)

    def _begin(self, case: Case) -> bool:
        """Stage and start; False where the job went another way."""
        if case.stopping():
            self._end(case, State.DISMISSED)
            return False
        try:
            case.task = case.task or stage(case.job, case.layout, self._fetcher, self._policy)
            if case.stopping():  # staging may have taken long
                self._end(case, State.DISMISSED)
                return False
            if self.draining:
                self._put_back(case)
                return False
            case.asked = True
            case.handle = case.executor.start(case.task)
        except (Unfit, Refused) as error:
            failure = error.failure if isinstance(error, Unfit) else _internal(str(error))
            detail = error.detail if isinstance(error, Refused) else ""
            log.info("job not started", job=case.job.id, reason=failure.text, detail=detail)
            case.over = True
            self._fail(case, failure)
            return False
        except CancelledError:
            if case.stopping():
                self._end(case, State.DISMISSED)
            elif self.draining:
                self._put_back(case)
            else:
                raise
            return False
        return True

    def _put_back(self, case: Case) -> None:
        """Nothing was started: the next server takes it from the queue."""
        self._store.move(case.job, State.ACCEPTED)
        self._cases.close(case)

    # running, paused

    def _look(self, case: Case, seen: Sighting | None) -> None:
        exit = self._exit(case, seen)  # noqa: A001 - the file's name
        decided = verdict(
            exit=exit,
            seen=seen,
            gone_for=_gone_for(case, seen),
            grace=self._policy.lost_after,
            stopping=case.stopping(),
        )
        case.over = decided in (State.SUCCEEDED, State.FAILED, State.DISMISSED)
        match decided:
            case State.SUCCEEDED:
                self._succeed(case, Move(usage=exit.usage if exit else None))
            case State.FAILED:
                self._fail(case, self._failure(case, exit, seen), Move(usage=exit.usage if exit else None))
            case State.DISMISSED:
                self._end(case, State.DISMISSED, Move(usage=exit.usage if exit else None))
            case State.RUNNING | State.PAUSED if decided is not case.job.state:
                self._move(case, decided)
                self._attend_wishes(case)
            case _:
                self._attend_wishes(case)
                self._note(case)

    def _exit(self, case: Case, seen: Sighting | None) -> ExitRecord | None:
        """The supervisor's evidence, once nobody can write it any more: code without walls could forge it before."""
        alive = seen is not None and seen.phase is not Phase.GONE
        if alive and case.job.executor not in self._policy.remote:
            return None
        try:
            return read_untrusted_json(ExitRecord, case.layout.root, _EXIT, max_bytes=MAX_EXIT_BYTES)
        except FileNotFoundError:  # not even the job directory
            return None
        except (RecordError, Unsafe) as error:
            log.warning("exit record is no evidence", job=case.job.id, reason=str(error))
            return None

    def _failure(self, case: Case, exit: ExitRecord | None, seen: Sighting | None) -> Failure:
        if exit is None:
            failure = outcome.lost(seen)
        else:
            try:
                result = collecting.read_result(case.layout)
            except collecting.Spoilt:
                result = None
            failure = outcome.failure_of(exit, result)
        log.warning(
            "job failed",
            job=case.job.id,
            process=case.job.process,
            kind=failure.kind.value,
            reason=failure.text,
            supervisor=exit.message if exit else "",
        )
        return failure

    def _attend_wishes(self, case: Case) -> None:
        """Ask the executor for what the client wants; that it happened is seen later."""
        executor, handle, state = case.executor, case.handle, case.job.state
        assert handle is not None
        now = time.monotonic()
        if case.stopping():
            if case.stop_asked is None or now - case.stop_asked > ASK_AGAIN_S:
                executor.stop(handle, grace=self._policy.stop_grace)
                case.stop_asked = now
        elif isinstance(executor, Pausable):
            if case.wanted is Wanted.PAUSE and state is State.RUNNING:
                executor.pause(handle)
            elif case.wanted is Wanted.RUN and state is State.PAUSED:
                executor.resume(handle)

    def _note(self, case: Case) -> None:
        record = case.tail.latest()
        if record is not None:
            self._store.note(case.job.id, progress=record.percent, message=record.message[: outcome.MAX_TEXT])
            self._bell.ring(case.job.id)

    # finishing -> the end

    def _succeed(self, case: Case, change: Move) -> None:
        """What has no files, and is here, needs no state of its own while it is taken over."""
        here = case.job.executor not in self._policy.remote
        result = collecting.result_without_files(case.layout) if here else None
        if result is None:
            self._move(case, State.FINISHING, change)
        self._finish(case, change, result)

    def _finish(self, case: Case, change: Move, result: ResultRecord | None = None) -> None:
        assert case.handle is not None
        case.over = True
        if case.stopping():
            self._end(case, State.DISMISSED, change)
            return
        case.executor.collect(case.handle, case.layout.root)
        try:
            result = result or collecting.read_result(case.layout)
            outputs = collecting.collect(case.job, case.layout, result, self._storage)
        except collecting.Spoilt as spoilt:
            log.warning("result spoilt", job=case.job.id, reason=spoilt.failure.text, cause=str(spoilt.__cause__ or ""))
            self._fail(case, spoilt.failure, change)
        except NotEnoughStorage as error:
            log.warning("storage full", job=case.job.id)
            self._fail(case, _internal(error.text), change)
        else:
            self._end(case, State.SUCCEEDED, Move(outputs=outputs, progress=100, usage=change.usage))

    def _fail(self, case: Case, failure: Failure, change: Move | None = None) -> None:
        usage = change.usage if change is not None else None
        self._end(case, State.FAILED, Move(failure=failure, usage=usage))

    def fail(self, case: Case, failure: Failure) -> None:
        """End a job that died with its host."""
        with case.lock:
            if not case.closed:
                case.over = True
                case.ending = (State.FAILED, Move(failure=failure))
                self._try(case, None)

    def _end(self, case: Case, state: State, change: Move | None = None) -> None:
        if case.stopping() and case.over:  # dismissed is what the client was told
            state, change = State.DISMISSED, Move(usage=change.usage if change else None)
        case.ending = (state, change or Move())  # kept until it is written, whatever fails
        if state is not State.SUCCEEDED and case.job.state is State.FINISHING:
            self._storage.delete(case.job.id)
        self._store.move(case.job, state, dated(case.ending[1], self._policy.keep_results))
        self._cases.close(case)
        self._bell.ring(case.job.id, ended=True)
        self._slot_freed()
        self._clean(case)

    def _clean(self, case: Case) -> None:
        """What is left after the end. A sweep does what fails here."""
        try:
            if case.handle is not None:
                case.executor.release(case.handle)
            if not self._policy.keep_workdir:
                self._workspace.strip(case.job.id)
        except Exception:
            log.exception("cleaning failed", job=case.job.id)

    def _give_up(self, case: Case) -> None:
        try:
            if case.asked or case.handle is not None:
                handle = case.handle or case.executor.find(case.job.id, case.layout.root)
                if handle is not None:
                    case.executor.stop(handle, grace=timedelta(0))
        except Exception:
            log.exception("could not be stopped", job=case.job.id)
        try:
            self._fail(case, _internal(_BROKEN))
        except Exception:
            log.exception("could not be failed", job=case.job.id)
            case.postpone()

    def _move(self, case: Case, to: State, change: Move | None = None) -> None:
        case.proceed(self._store.move(case.job, to, change))
        self._bell.ring(case.job.id)

    def _read_again(self, case: Case) -> None:
        try:
            job = self._store.get(case.job.id)
        except NoSuchJob:
            job = None
        except StoreUnavailable:
            case.postpone()
            return
        if job is None or job.state in ENDED or job.state is State.ACCEPTED:
            self._cases.close(case)
            self._slot_freed()
            return
        case.proceed(job)
        case.handle = Handle(key=job.id, native=job.handle) if job.handle else case.handle
        case.postpone()


def _gone_for(case: Case, seen: Sighting | None) -> timedelta:
    """How long the executor has been saying without a break that the task is gone."""
    if seen is None:
        return timedelta(0)
    if seen.phase is not Phase.GONE:
        case.gone_since = None
        return timedelta(0)
    now = time.monotonic()
    case.gone_since = now if case.gone_since is None else case.gone_since
    return timedelta(seconds=now - case.gone_since)


def _internal(text: str) -> Failure:
    return Failure(kind=FailureKind.INTERNAL, text=text)


def _now() -> datetime:
    return datetime.now(UTC)
