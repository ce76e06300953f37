"""GetStatus, GetResult and Dismiss, Pause and Resume, for jobs that any protocol began."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from starlette.types import Receive

from cloche.model.errors import NoSuchJob, NoSuchProcess, NotPossible, ResultNotReady
from cloche.model.execute import Mode, Response
from cloche.model.job import Job
from cloche.model.process import JobControl
from cloche.model.state import ENDED, State
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.sizes import is_small
from cloche.protocols._http.threads import Threads
from cloche.protocols._http.waiting import Awaited
from cloche.protocols._ows.replies import xml_reply
from cloche.protocols._ows.reports import OWS_2_0, report
from cloche.protocols._ows.soap import Soap
from cloche.protocols.wps2 import faults
from cloche.protocols.wps2.config import Wps2Config
from cloche.protocols.wps2.requests import JobRequest
from cloche.protocols.wps2.results import NO_STORE, Results
from cloche.protocols.wps2.status import is_dismissed, status_info
from cloche.service.service import Service

PAUSE_PATIENCE = 2.0
"""Seconds to wait for a job to stand still, or to go on."""


class Jobs:
    """Every operation on one job."""

    def __init__(self, service: Service, config: Wps2Config, threads: Threads) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._results = Results(service, config)

    async def answer(self, request: JobRequest, receive: Receive, soap: Soap | None) -> Reply:
        """Raises ClocheError, Disconnected."""
        match request.operation:
            case "GetStatus":
                return self.status_info(await self._young(request.job, receive), soap)
            case "GetResult":
                return await self.result(await self._young(request.job, receive), soap)
            case "Dismiss":
                return self.status_info(await self._threads.quick(partial(self._dismiss, request.job)), soap)
            case "Pause":
                return await self._hold(request.job, self._service.pause, {State.PAUSED}, receive, soap)
            case _:
                return await self._hold(request.job, self._service.resume, set(State) - {State.PAUSED}, receive, soap)

    async def single(self, id: str, output: str) -> Reply:
        """One output of a job by itself. Raises NoSuchJob, ResultNotReady, NoSuchOutput."""
        job = await self._threads.quick(partial(self._job, id))
        if job.state is not State.SUCCEEDED:
            raise _not_ready(job)
        return await self._threads.quick(partial(self._results.single, job, output))

    def status_info(self, job: Job, soap: Soap | None) -> Reply:
        """``wps:StatusInfo`` of the job as it is."""
        document = status_info(job, now=datetime.now(UTC), poll_seconds=self._config.poll_seconds)
        return xml_reply([document], headers=NO_STORE, soap=soap)

    async def result(self, job: Job, soap: Soap | None) -> Reply:
        """The result of a job, or the exception that it ended with. Raises ResultNotReady."""
        if job.state is State.SUCCEEDED:
            run = self._threads.quick if is_small(job, self._config.small_bytes) else self._threads.bulk
            return await run(partial(self._render, job, soap))
        if job.state not in ENDED:
            raise _not_ready(job)
        return report(faults.failure(job.failure), OWS_2_0, language=job.request.language, soap=soap)

    def if_small(self, job: Job, soap: Soap | None) -> Reply | Job:
        """The result of a job that succeeded where it takes no time, else the job."""
        small = job.state is State.SUCCEEDED and is_small(job, self._config.small_bytes)
        return self._render(job, soap) if small else job

    def _render(self, job: Job, soap: Soap | None) -> Reply:
        if job.request.response is Response.RAW and soap is None:
            return self._results.raw(job)
        return self._results.document(job, soap)

    def _job(self, id: str) -> Job:
        """Raises NoSuchJob, for a dismissed one too."""
        try:
            job = self._service.job(id)
        except NoSuchJob as error:
            error.locator = id
            raise
        if is_dismissed(job):
            raise NoSuchJob(f"Job {id} was dismissed.", locator=id)
        return job

    async def _young(self, id: str, receive: Receive) -> Job:
        """The job; one that was accepted a moment ago is waited for."""
        job = await self._threads.quick(partial(self._job, id))
        age = (datetime.now(UTC) - job.created).total_seconds()
        left = self._config.grace_seconds - max(0.0, age)  # the clock may have been set back
        if job.state in ENDED or job.request.mode is not Mode.ASYNC or left <= 0:
            return job
        await Awaited(self._service).end(id, receive, self._threads, patience=left, abandon=False)
        return await self._threads.quick(partial(self._job, id))

    def _dismiss(self, id: str) -> Job:
        """The job as dismissed. An ended one is forgotten with its results (clause 11.1)."""
        job = self._job(id)
        if not self._may_be_dismissed(job):
            raise NotPossible(f"Process {job.process} does not let its jobs be dismissed.", locator=id)
        if job.state not in ENDED:
            return self._service.dismiss(id)
        self._service.purge(id)
        return _dismissed(job)

    def _may_be_dismissed(self, job: Job) -> bool:
        try:
            return JobControl.DISMISS in self._service.process(job.process).description.job_control
        except NoSuchProcess:
            return True  # it was withdrawn: its jobs may go

    async def _hold(
        self, id: str, wish: Callable[[str], Job], done: Collection[State], receive: Receive, soap: Soap | None
    ) -> Reply:
        """Write the wish; what the answer says is what was seen of it. Raises NoSuchJob, NotPossible."""
        await self._threads.quick(partial(self._job, id))
        await self._threads.quick(partial(wish, id))
        seen = await Awaited(self._service).end(
            id, receive, self._threads, patience=PAUSE_PATIENCE, abandon=False, done={State.ACCEPTED, *ENDED, *done}
        )
        return self.status_info(seen, soap)


def _not_ready(job: Job) -> ResultNotReady:
    return ResultNotReady(f"Job {job.id} has no result yet.", locator=job.id)


def _dismissed(job: Job) -> Job:
    return replace(job, state=State.DISMISSED, expires=None)
