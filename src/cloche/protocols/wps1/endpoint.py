"""The WPS 1.0.0 endpoint and the documents of its jobs, as ASGI applications."""

from functools import partial

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cloche.model.job import Job
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.threads import Threads
from cloche.protocols._ows import kvp as queries
from cloche.protocols._ows.answering import Answer, Answering, Exchange
from cloche.protocols._ows.errors import malformed
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.operations import operation
from cloche.protocols._ows.ready import ReadyReplies
from cloche.protocols._ows.receiving import Receiver
from cloche.protocols._ows.replies import xml_reply
from cloche.protocols._ows.reports import OWS_1_1
from cloche.protocols.wps1 import documents, faults, kvp
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.executions import Executions
from cloche.protocols.wps1.publications import Publications
from cloche.protocols.wps1.requests import OPERATIONS, DescribeProcess, GetCapabilities
from cloche.service.service import Service


def routes(service: Service, config: Wps1Config) -> list[BaseRoute]:
    """The endpoint where ``config`` has it, and the documents of its jobs."""
    threads = Threads()
    return [Route(config.path, endpoint(service, config, threads)), *job_routes(service, config, threads)]


def job_routes(service: Service, config: Wps1Config, threads: Threads) -> list[BaseRoute]:
    """``/wps/jobs/{id}``: the job's document, whatever protocol began it."""
    return [Route("/wps/jobs/{id}", Jobs(service, config, threads))]


def endpoint(service: Service, config: Wps1Config, threads: Threads) -> ASGIApp:
    """The endpoint alone, for those who put it elsewhere."""
    return Endpoint(service, config, threads)


class Endpoint:
    """All three operations. What is published is answered from memory, by the query string as it stands."""

    def __init__(self, service: Service, config: Wps1Config, threads: Threads) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._answering = _answering(config, threads)
        self._executions = Executions(service, config, threads)
        self._receiver = Receiver(limits=config.body, payloads=documents.PAYLOADS, threads=threads)
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
            submit = partial(self._executions.submit_kvp, query, exchange.accept_language)
            return await self._follow(await self._threads.quick(submit), exchange)
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

    def _carry_out(self, deposit: Deposit, exchange: Exchange, root: Node) -> Reply | Job:
        name = documents.operation(root)
        if name == "Execute":
            return self._executions.submit_document(root, deposit, exchange.accept_language, exchange.soap)
        return self._publish(_published(name, root), exchange)

    async def _follow(self, job: Job, exchange: Exchange) -> Reply:
        exchange.job = job.id
        return await self._executions.answer(job, exchange.receive, exchange.soap)


class Jobs:
    """What ``statusLocation`` points at: the response of a job as it is at this moment, read from the store."""

    def __init__(self, service: Service, config: Wps1Config, threads: Threads) -> None:
        self._service = service
        self._threads = threads
        self._answering = _answering(config, threads)
        self._executions = Executions(service, config, threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Answer = self._get if scope["method"] in {"GET", "HEAD"} else _no_method
        await self._answering(answer, scope, receive, send)

    async def _get(self, exchange: Exchange) -> Reply:
        exchange.job = exchange.scope["path_params"]["id"]
        job = await self._threads.quick(partial(self._service.job, exchange.job))
        return await self._executions.reply(job)


def _answering(config: Wps1Config, threads: Threads) -> Answering:
    return Answering(refusal=faults.refusal, dialect=OWS_1_1, language=config.languages[0], threads=threads)


async def _no_method(exchange: Exchange) -> Reply:
    raise malformed(f"{exchange.scope['method']} is not answered here; GET and POST are.", status=405)


def _published(name: str, root: Node) -> GetCapabilities | DescribeProcess:
    return documents.get_capabilities(root) if name == "GetCapabilities" else documents.describe_process(root)
