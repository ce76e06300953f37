"""The WPS 2.0 endpoint, and outputs that are no files, as ASGI applications."""

from functools import partial

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cloche.model.job import Job
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.threads import Threads
from cloche.protocols._ows import kvp as queries
from cloche.protocols._ows.answering import Answer, Answering, Exchange
from cloche.protocols._ows.errors import Code, OwsError, malformed
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.operations import operation
from cloche.protocols._ows.ready import ReadyReplies
from cloche.protocols._ows.receiving import Receiver
from cloche.protocols._ows.replies import xml_reply
from cloche.protocols._ows.reports import OWS_2_0
from cloche.protocols.wps2 import documents, faults, inputs, kvp
from cloche.protocols.wps2.config import Wps2Config
from cloche.protocols.wps2.executions import Executions
from cloche.protocols.wps2.jobs import Jobs
from cloche.protocols.wps2.publications import Publications
from cloche.protocols.wps2.requests import OPERATIONS, DescribeProcess, GetCapabilities, JobRequest
from cloche.service.service import Service


def routes(service: Service, config: Wps2Config) -> list[BaseRoute]:
    """The endpoint where ``config`` has it, and its jobs' outputs."""
    threads = Threads()
    return [Route(config.path, endpoint(service, config, threads)), *result_routes(service, config, threads)]


def result_routes(service: Service, config: Wps2Config, threads: Threads) -> list[BaseRoute]:
    """``/wps/jobs/{id}/results/{output}``: where references to literals and boxes point."""
    return [Route("/wps/jobs/{id}/results/{output:path}", Values(service, config, threads))]


def endpoint(service: Service, config: Wps2Config, threads: Threads) -> ASGIApp:
    """The endpoint alone, for those who put it elsewhere."""
    return Endpoint(service, config, threads)


class Endpoint:
    """Every operation. What is published is answered from memory, by the query string as it stands."""

    def __init__(self, service: Service, config: Wps2Config, threads: Threads) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._answering = _answering(config, threads)
        self._jobs = Jobs(service, config, threads)
        self._executions = Executions(service, config, threads, self._jobs)
        self._receiver = Receiver(
            limits=config.body, payloads=inputs.PAYLOADS, structural=inputs.STRUCTURAL, threads=threads
        )
        self._publications = Publications(service, config)
        self._ready = ReadyReplies(by_language=len(config.languages) > 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "GET":
            ready = self._ready.get(self._service.catalog_version(), scope)
            if ready is not None:
                await ready.send(send)
                return
        answers: dict[str, Answer] = {"GET": self._get, "HEAD": self._get, "POST": self._post}
        await self._answering(answers.get(method, _no_method), scope, receive, send)

    async def _get(self, exchange: Exchange) -> Reply:
        query = queries.parse(exchange.scope["query_string"])
        queries.check(query)
        name = operation(query, OPERATIONS)
        if name == "Execute":
            raise OwsError(Code.OPERATION_NOT_SUPPORTED, "WPS 2.0 has Execute by POST only.", locator=name)
        if name not in {"GetCapabilities", "DescribeProcess"}:
            return await self._follow(kvp.job_request(name, query), exchange)
        version = self._service.catalog_version()
        request = kvp.get_capabilities(query) if name == "GetCapabilities" else kvp.describe_process(query)
        reply = await self._threads.quick(partial(self._publish, request, exchange))
        self._ready.keep(version, exchange.scope, reply)
        return reply

    def _publish(self, request: GetCapabilities | DescribeProcess, exchange: Exchange) -> Reply:
        if isinstance(request, GetCapabilities):
            found = self._publications.capabilities(request, accept_language=exchange.accept_language)
        else:
            found = self._publications.descriptions(request, accept_language=exchange.accept_language)
        vary = ((b"vary", b"accept-language"),) if len(self._config.languages) > 1 else ()
        return xml_reply([found.document], media_type=found.media_type, headers=vary, soap=exchange.soap)

    async def _post(self, exchange: Exchange) -> Reply:
        deposit = self._executions.deposit()
        outcome = await self._receiver.read(exchange, deposit, partial(self._carry_out, deposit, exchange))
        return outcome if isinstance(outcome, Reply) else await self._follow(outcome, exchange)

    def _carry_out(self, deposit: Deposit, exchange: Exchange, root: Node) -> Reply | Job | JobRequest:
        name = documents.operation(root)
        match name:
            case "Execute":
                return self._executions.submit(root, deposit, exchange.headers, exchange.soap)
            case "GetCapabilities":
                return self._publish(documents.get_capabilities(root), exchange)
            case "DescribeProcess":
                return self._publish(documents.describe_process(root), exchange)
            case _:
                return documents.job_request(root)

    async def _follow(self, asked: Job | JobRequest, exchange: Exchange) -> Reply:
        if isinstance(asked, JobRequest):
            exchange.job = asked.job
            return await self._jobs.answer(asked, exchange.receive, exchange.soap)
        exchange.job = asked.id
        return await self._executions.answer(asked, exchange.receive, exchange.soap)


class Values:
    """Outputs that are no files, each by itself."""

    def __init__(self, service: Service, config: Wps2Config, threads: Threads) -> None:
        self._answering = _answering(config, threads)
        self._jobs = Jobs(service, config, threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Answer = self._get if scope["method"] in {"GET", "HEAD"} else _no_method
        await self._answering(answer, scope, receive, send)

    async def _get(self, exchange: Exchange) -> Reply:
        exchange.job = exchange.scope["path_params"]["id"]
        return await self._jobs.single(exchange.job, exchange.scope["path_params"]["output"])


def _answering(config: Wps2Config, threads: Threads) -> Answering:
    return Answering(refusal=faults.refusal, dialect=OWS_2_0, language=config.languages[0], threads=threads)


async def _no_method(exchange: Exchange) -> Reply:
    raise malformed(f"{exchange.scope['method']} is not answered here; GET and POST are.", status=405)
