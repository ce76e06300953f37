"""Execute: a request becomes a job, and the job an answer."""

from dataclasses import replace
from functools import partial

from starlette.datastructures import Headers
from starlette.types import Receive

from cloche.model.execute import Mode
from cloche.model.job import Job
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.languages import by_header
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.threads import Threads
from cloche.protocols._http.waiting import Awaited
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.soap import Soap
from cloche.protocols.wps2 import documents, form
from cloche.protocols.wps2.config import Wps2Config
from cloche.protocols.wps2.jobs import Jobs
from cloche.protocols.wps2.once import HEADER, once
from cloche.service.service import Service


class Executions:
    """``submit`` is synchronous, any thread; ``answer`` waits where the request does."""

    def __init__(self, service: Service, config: Wps2Config, threads: Threads, jobs: Jobs) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._jobs = jobs

    def deposit(self) -> Deposit:
        """For the files of one request."""
        return Deposit(self._service.intake, max_bytes=self._service.policy.max_input_bytes)

    def submit(self, root: Node, deposit: Deposit, headers: Headers, soap: Soap | None) -> Job:
        """Raises OwsError, ClocheError."""
        try:
            description = self._service.process(documents.process_identifier(root)).description
            request = documents.execute_request(root, description, deposit)
            form.check(description, request, soap=soap is not None)
            preferred = headers.get("accept-language", "")
            request = replace(request, language=by_header(preferred, self._config.languages))
            key = once(headers.get(HEADER), request, deposit)
        except BaseException:
            deposit.discard()
            raise
        return self._service.submit(request, deposit.intake, once=key)

    async def answer(self, job: Job, receive: Receive, soap: Soap | None) -> Reply:
        """The status of an asynchronous job, else the result. Raises Disconnected, ClocheError."""
        if job.request.mode is Mode.ASYNC:
            return self._jobs.status_info(job, soap)
        if_small = partial(self._jobs.if_small, soap=soap)
        found = await Awaited(self._service).then(if_small, job.id, receive, self._threads, young=True)
        return found if isinstance(found, Reply) else await self._jobs.result(found, soap)
