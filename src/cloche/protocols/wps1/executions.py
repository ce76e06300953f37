"""Execute: a request becomes a job, and the job an answer."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from starlette.types import Receive

from cloche.model.execute import Execute, Response
from cloche.model.job import Job
from cloche.model.state import State
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.sizes import is_small
from cloche.protocols._http.threads import Threads
from cloche.protocols._http.waiting import Awaited
from cloche.protocols._ows.kvp import Kvp
from cloche.protocols._ows.negotiation import language
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.replies import xml_reply
from cloche.protocols._ows.reports import OWS_1_1, report
from cloche.protocols._ows.soap import Soap
from cloche.protocols.wps1 import documents, faults, form, kvp, nesting
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.raw import raw_reply
from cloche.protocols.wps1.responses import Responses
from cloche.service.service import Service

NO_STORE = ((b"cache-control", b"no-store"),)


class Executions:
    """``submit`` and ``render`` are synchronous, any thread; ``answer`` waits where the request does."""

    def __init__(self, service: Service, config: Wps1Config, threads: Threads) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._responses = Responses(service, config)

    def deposit(self) -> Deposit:
        """For the files of one request."""
        return Deposit(self._service.intake, max_bytes=self._service.policy.max_input_bytes)

    def submit_kvp(self, query: Kvp, accept_language: str) -> Job:
        """Raises OwsError, ClocheError."""
        description = self._service.process(kvp.process_identifier(query)).description
        deposit = self.deposit()
        read = partial(kvp.execute_request, query, description, deposit)
        return self._submit(read, deposit, accept_language, soap=None)

    def submit_document(self, root: Node, deposit: Deposit, accept_language: str, soap: Soap | None) -> Job:
        """Raises OwsError, ClocheError."""
        return self._submit(partial(documents.execute_request, root), deposit, accept_language, soap)

    async def answer(self, job: Job, receive: Receive, soap: Soap | None) -> Reply:
        """The job as it is, for a stored response; else as it ends. Raises Disconnected, ClocheError."""
        if job.request.store:
            return await self.reply(job, soap)
        if_small = partial(self._if_small, soap=soap)
        found = await Awaited(self._service).then(if_small, job.id, receive, self._threads, young=True)
        return found if isinstance(found, Reply) else await self.reply(found, soap)

    async def reply(self, job: Job, soap: Soap | None = None) -> Reply:
        """The job as it is."""
        run = self._threads.quick if is_small(job, self._config.small_bytes) else self._threads.bulk
        return await run(partial(self._render, job, soap))

    def _if_small(self, job: Job, soap: Soap | None) -> Reply | Job:
        """The reply where it takes no time, else the job."""
        return self._render(job, soap) if is_small(job, self._config.small_bytes) else job

    def _submit(self, read: Callable[[], Execute], deposit: Deposit, accept_language: str, soap: Soap | None) -> Job:
        try:
            request = read()
            description = self._service.process(request.process).description
            request = nesting.with_paths(request, description)
            form.check(description, request, soap=soap is not None)
            chosen = language(request.language, self._config.languages, header=accept_language)
        except BaseException:
            deposit.discard()
            raise
        return self._service.submit(replace(request, language=chosen), deposit.intake)

    def _render(self, job: Job, soap: Soap | None) -> Reply:
        request = job.request
        failed = job.state in {State.FAILED, State.DISMISSED}
        if request.response is Response.RAW and not request.store and job.state is State.SUCCEEDED:
            return raw_reply(job, self._service, small_bytes=self._config.small_bytes)
        if failed and not request.store and (request.response is Response.RAW or faults.clients_fault(job.failure)):
            return report(faults.failure(job.failure), OWS_1_1, language=request.language, soap=soap)
        return xml_reply(self._responses.document(job), headers=NO_STORE, soap=soap)
