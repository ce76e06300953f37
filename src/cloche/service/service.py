"""The one door of the house: every protocol, page and command comes through here."""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from time import monotonic
from uuid import uuid4

from cloche.model.data import ComplexData, ReferenceData, StoredData
from cloche.model.errors import (
    KeyReused,
    NoSuchInput,
    NoSuchMode,
    NoSuchOutput,
    NotEnoughStorage,
    NotPossible,
    ProcessUnavailable,
    ResultNotReady,
    ServerBusy,
)
from cloche.model.execute import Execute, Mode
from cloche.model.job import Event, Job, JobId
from cloche.model.process import JobControl, ProcessDescription
from cloche.model.state import ENDED, State, Wanted
from cloche.ports.bell import Bell
from cloche.ports.catalog import Catalog, Published
from cloche.ports.engine import Waker
from cloche.ports.executor import Executor, Pausable
from cloche.ports.intake import Intake, Workspace
from cloche.ports.storage import Storage
from cloche.ports.store import Admission, JobStore, Once, Query, Repeated
from cloche.service.policy import Policy
from cloche.values.resolve import resolve

LOOK = 5.0
"""Seconds after which a waiting request looks at the store unrung: another server may have moved the job."""

_DRAINING = "The server takes no new jobs at present. Please try later."
_DRAINING_S = 60
_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNAVAILABLE = (
    "Process {} is temporarily unavailable: its package is broken. The operator finds the error in the server's log."
)
_CONTROLS = ((Mode.ASYNC, JobControl.ASYNC), (Mode.SYNC, JobControl.SYNC))


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

    @property
    def draining(self) -> bool:
        """Whether new jobs are refused for now, whatever room there is."""
        return self._policy.draining()

    def intake(self) -> Intake:
        """A directory for the files of one request; ``submit`` takes it over or discards it."""
        return self._workspace.intake()

    def submit(self, request: Execute, intake: Intake | None = None, *, once: Once | None = None) -> Job:
        """Check the request against the description and the limits, and queue it.

        Where ``once`` names a key that has a job already, that job is the answer and nothing is queued; KeyReused where
        it came from another request.

        The job's request is the resolved one; its mode is sync or async, never auto. Raises NoSuchProcess,
        ProcessUnavailable, every InputError, NoSuchOutput, NoSuchFormat, BadRequest, NoSuchMode, NotPossible,
        ServerBusy, NotEnoughStorage; the intake is discarded then.
        """
        try:
            published = self._executable(request.process)
            job = self._draft(published, request)
            admission = self._policy.admission(published.description)
            queued = self._queue(job, intake, admission, once)
        except Repeated as repeated:
            if intake is not None:
                intake.discard()
            return self._earlier(repeated, once)
        except BaseException:
            if intake is not None:
                intake.discard()
            raise
        self._waker.wake()
        return queued

    def _executable(self, id: str) -> Published:
        published = self._catalog.get(id)
        if not published.available:
            raise ProcessUnavailable(_UNAVAILABLE.format(id), locator=id)
        return published

    def _earlier(self, repeated: Repeated, once: Once | None) -> Job:
        if once is None or repeated.digest != once.digest:
            raise KeyReused("This idempotency key was used before, for another request.")
        return self._store.get(repeated.job)

    def _draft(self, published: Published, request: Execute) -> Job:
        if self.draining:
            raise ServerBusy(_DRAINING, retry_after=_DRAINING_S)
        description = published.description
        resolved = resolve(description, request, max_input_bytes=self._policy.max_input_bytes)
        executor = description.mode or self._policy.mode
        if executor not in self._executors:
            raise NotPossible(f"Process {description.id} cannot be executed on this server: its mode is not set up.")
        now = datetime.now(UTC)
        return Job(
            id=str(uuid4()),
            process=description.id,
            process_version=description.version,
            package=published.package,
            executor=executor,
            request=replace(resolved, mode=choose_mode(description, request.mode)),
            limits=description.limits.within(self._policy.limits),
            created=now,
            updated=now,
        )

    def _queue(self, job: Job, intake: Intake | None, admission: Admission, once: Once | None) -> Job:
        """The job directory comes first: whoever claims the job finds it."""
        try:
            if intake is not None and job.request.lineage:
                self._keep_inputs(job, intake)
            self._workspace.adopt(job.id, intake)
            return self._store.add(job, admission=admission, mode=job.request.mode, once=once)
        except BaseException as error:
            self._workspace.remove(job.id)
            if job.request.lineage:
                self._storage.delete(job.id)
            if isinstance(error, OSError) and error.errno in _FULL:
                raise NotEnoughStorage("The server has no room for this request.") from error
            raise

    def _keep_inputs(self, job: Job, intake: Intake) -> None:
        """Lineage shows inputs after the job directory has gone: copies lie beside the results, and go with them."""
        for name, media_type in _files(job.request).items():
            descriptor = os.open(intake.path / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._storage.put(job.id, _kept(name), descriptor, media_type=media_type)
            finally:
                os.close(descriptor)

    def job(self, id: JobId) -> Job:
        """Raises NoSuchJob."""
        return self._store.get(id)

    def jobs(self, query: Query) -> Sequence[Job]:
        """One page of jobs, newest first."""
        return self._store.list(query)

    def events(self, id: JobId, *, after: int = 0) -> Sequence[Event]:
        """The history of a job."""
        return self._store.events(id, after=after)

    def subscribe(self, id: JobId, listener: Callable[[], None], *, end_only: bool = False) -> Callable[[], None]:
        """Call ``listener`` from any thread whenever the job has moved, until the returned function is called.

        ``end_only``: only when it has ended.
        """
        return self._bell.subscribe(id, listener, end_only=end_only)

    def wait(self, id: JobId, *, timeout: float | None = None) -> Job:
        """Block until the job has ended or ``timeout`` seconds have passed; returns it as it is then.

        Raises NoSuchJob.
        """
        rung = threading.Event()
        unsubscribe = self._bell.subscribe(id, rung.set, end_only=True)
        deadline = None if timeout is None else monotonic() + timeout
        try:
            while True:
                rung.clear()  # before the look: a ring from here on is not lost
                job = self._store.get(id)
                left = LOOK if deadline is None else min(LOOK, deadline - monotonic())
                if job.state in ENDED or left <= 0:
                    return job
                rung.wait(left)
        finally:
            unsubscribe()

    def output(self, id: JobId, name: str) -> StoredData:
        """What is known of a stored output. Raises NoSuchJob, ResultNotReady, NoSuchOutput."""
        job = self._store.get(id)
        if job.state not in ENDED:
            raise ResultNotReady(f"Job {id} has not ended yet.", locator=id)
        if job.state is State.SUCCEEDED:
            for output in job.outputs:
                if isinstance(output.data, StoredData) and output.data.name == name:
                    return output.data
        raise _no_output(id, name)

    def output_path(self, id: JobId, name: str) -> Path | None:
        """A local file to send an output from, or None where storage has none.

        Raises NoSuchJob, ResultNotReady, NoSuchOutput.
        """
        self.output(id, name)
        try:
            return self._storage.path(id, name)
        except FileNotFoundError:
            raise _no_output(id, name) from None

    def read_output(self, id: JobId, name: str) -> Iterator[bytes]:
        """The bytes of a stored output in chunks.

        Raises NoSuchJob, ResultNotReady, NoSuchOutput at the call, before the first chunk is asked for.
        """
        self.output(id, name)
        try:
            return _started(self._storage.read(id, name))
        except FileNotFoundError:
            raise _no_output(id, name) from None

    def read_input(self, id: JobId, file: str) -> Iterator[bytes]:
        """The bytes of an inline input, or of a reference's body, of a request that asked for lineage.

        Raises NoSuchJob; NoSuchInput, at the call, where none was kept under that name.
        """
        job = self._store.get(id)
        absent = NoSuchInput(f"Job {id} has kept no input of that name.", locator=file)
        if not job.request.lineage or file not in _files(job.request):
            raise absent
        try:
            return _started(self._storage.read(id, _kept(file)))
        except FileNotFoundError:
            raise absent from None

    def log(self, id: JobId) -> str:
        """What the execution printed. Raises NoSuchJob."""
        self._store.get(id)
        return self._workspace.log(id)

    def dismiss(self, id: JobId) -> Job:
        """Stop the job wherever it is; the end is observed later. Idempotent. Raises NoSuchJob."""
        return self._want(id, Wanted.STOP)

    def pause(self, id: JobId) -> Job:
        """Hold the job still. Idempotent. Raises NoSuchJob, NotPossible."""
        self._check_pausable(id)
        return self._want(id, Wanted.PAUSE)

    def resume(self, id: JobId) -> Job:
        """Undo pause. Idempotent. Raises NoSuchJob, NotPossible."""
        self._check_pausable(id)
        return self._want(id, Wanted.RUN)

    def pausable(self, description: ProcessDescription) -> bool:
        """Whether jobs of that process can be paused, in the mode that they are executed in now."""
        return isinstance(self._executors.get(description.mode or self._policy.mode), Pausable)

    def purge(self, id: JobId) -> None:
        """Forget an ended job with its results. Raises NoSuchJob, NotPossible while it has not ended."""
        if self._store.get(id).state not in ENDED:
            raise NotPossible(f"Job {id} has not ended yet; dismiss it first.", locator=id)
        # the row goes last: what is interrupted can be done again
        self._storage.delete(id)
        self._workspace.remove(id)
        self._store.delete(id)

    def _want(self, id: JobId, wanted: Wanted) -> Job:
        job = self._store.want(id, wanted)
        self._waker.heed()
        return job

    def _check_pausable(self, id: JobId) -> None:
        job = self._store.get(id)
        check_pausable(job, possible=isinstance(self._executors.get(job.executor), Pausable))


def check_pausable(job: Job, *, possible: bool) -> None:
    """``possible``: whether its mode can pause. Raises NotPossible where pause or resume of the job make no sense."""
    if job.state in ENDED:
        raise NotPossible(f"Job {job.id} has ended: it cannot be paused or resumed.", locator=job.id)
    if job.wanted is Wanted.STOP:
        raise NotPossible(f"Job {job.id} is being dismissed.", locator=job.id)
    if not possible:
        raise NotPossible(f"Job {job.id} runs in a mode that cannot be paused.", locator=job.id)


def choose_mode(description: ProcessDescription, wanted: Mode) -> Mode:
    """The mode to execute in; for ``auto`` async where the process can, as nobody waits in vain then.

    Raises NoSuchMode.
    """
    possible = [mode for mode, control in _CONTROLS if control in description.job_control]
    if wanted is Mode.AUTO and possible:
        return possible[0]
    if wanted not in possible:
        allowed = ", ".join(mode.value for mode in possible) or "none"
        raise NoSuchMode(
            f"Process {description.id} cannot be executed in mode {wanted.value}. Modes: {allowed}.", locator="mode"
        )
    return wanted


def _files(request: Execute) -> dict[str, str]:
    """The files that came with a request, with their media types."""
    data = [item.data for item in request.inputs]
    inline = {item.file: item.format.media_type for item in data if isinstance(item, ComplexData)}
    return inline | {item.body: "" for item in data if isinstance(item, ReferenceData) and item.body is not None}


def _kept(file: str) -> str:
    """The name in storage of a copy of an input."""
    return f"input~{file}"


def _started(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks; that there are none is an error now, not when somebody asks for the first."""
    first = next(chunks, b"")
    return chain((first,), chunks)


def _no_output(id: JobId, name: str) -> NoSuchOutput:
    return NoSuchOutput(f"Job {id} has no result of that name.", locator=name)
