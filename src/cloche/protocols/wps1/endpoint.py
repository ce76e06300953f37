"""The WPS 1.0.0 endpoint and the documents of its jobs, as ASGI applications."""

from functools import partial

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from cloche.model.job import Job
from cloche.protocols._ows import kvp as queries
from cloche.protocols._ows.body import read_body
from cloche.protocols._ows.deposit import Deposit
from cloche.protocols._ows.errors import malformed
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.operations import operation
from cloche.protocols._ows.reader import Reader
from cloche.protocols._ows.replies import Ready, Reply, xml_reply
from cloche.protocols._ows.shelf import Shelf
from cloche.protocols._ows.soap import unwrap
from cloche.protocols._ows.threads import Threads
from cloche.protocols.wps1 import documents, kvp
from cloche.protocols.wps1.answering import Answer, Answering, Exchange
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.executions import Executions
from cloche.protocols.wps1.publications import Publications
from cloche.protocols.wps1.requests import OPERATIONS, DescribeProcess, GetCapabilities
from cloche.service.service import Service

READY_ENTRIES = 512
READY_BYTES = 32 << 20
LONGEST_READY_KEY = 1024


def routes(service: Service, config: Wps1Config) -> list[BaseRoute]:
    """``/wps`` and ``/wps/1.0.0``, the same endpoint; ``/wps/jobs/{id}``, the documents of its jobs."""
    threads = Threads()
    answering = Answering(language=config.languages[0], threads=threads)
    executions = Executions(service, config, threads)
    endpoint = Endpoint(service, config, threads, answering, executions)
    jobs = Jobs(service, threads, answering, executions)
    return [Route("/wps", endpoint), Route("/wps/1.0.0", endpoint), Route("/wps/jobs/{id}", jobs)]


class Endpoint:
    """All three operations. What is published is answered from memory, by the query string as it stands."""

    def __init__(
        self, service: Service, config: Wps1Config, threads: Threads, answering: Answering, executions: Executions
    ) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._answering = answering
        self._executions = executions
        self._publications = Publications(service, config)
        self._ready = Shelf[Ready](entries=READY_ENTRIES, total_bytes=READY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "GET":
            ready = self._ready.get(self._service.catalog_version(), self._key(scope))
            if ready is not None:
                await ready.send(send)
                return
        answers: dict[str, Answer] = {"GET": self._get, "HEAD": self._get, "POST": self._post}
        await self._answering(answers.get(method, _no_method), scope, receive, send)

    def _key(self, scope: Scope) -> tuple[bytes, bytes]:
        if len(self._config.languages) == 1:
            return scope["query_string"], b""
        preferred = (value for name, value in scope["headers"] if name == b"accept-language")
        return scope["query_string"], next(preferred, b"")

    async def _get(self, exchange: Exchange) -> Reply:
        query = queries.parse(exchange.scope["query_string"])
        name = operation(query, OPERATIONS)
        if name == "Execute":
            submit = partial(self._executions.submit_kvp, query, exchange.accept_language)
            return await self._follow(await self._threads.quick(submit), exchange)
        version = self._service.catalog_version()
        request = kvp.get_capabilities(query) if name == "GetCapabilities" else kvp.describe_process(query)
        reply = await self._threads.quick(partial(self._publish, request, exchange))
        self._keep(version, self._key(exchange.scope), reply)
        return reply

    def _keep(self, version: int, key: tuple[bytes, bytes], reply: Reply) -> None:
        if len(key[0]) + len(key[1]) <= LONGEST_READY_KEY:
            ready = Ready(reply)
            self._ready.put(version, key, ready, size=ready.size)

    def _publish(self, request: GetCapabilities | DescribeProcess, exchange: Exchange) -> Reply:
        if isinstance(request, GetCapabilities):
            found = self._publications.capabilities(request, accept_language=exchange.accept_language)
        else:
            found = self._publications.descriptions(request, accept_language=exchange.accept_language)
        vary = ((b"vary", b"accept-language"),) if len(self._config.languages) > 1 else ()
        return xml_reply([found.document], media_type=found.media_type, headers=vary, soap=exchange.soap)

    async def _post(self, exchange: Exchange) -> Reply:
        deposit = self._executions.deposit()
        reader = Reader(
            deposit,
            self._config.body,
            payloads=documents.PAYLOADS,
            content_charset=_charset(exchange.headers.get("content-type", "")),
        )
        try:
            rest, large = await self._receive(exchange, reader)
            run = self._threads.bulk if large else self._threads.quick
            outcome = await run(partial(self._carry_out, reader, rest, deposit, exchange))
        except BaseException:
            if deposit.intake is not None:
                await self._threads.quick(deposit.discard)
            raise
        finally:
            reader.release()
        return outcome if isinstance(outcome, Reply) else await self._follow(outcome, exchange)

    async def _receive(self, exchange: Exchange, reader: Reader) -> tuple[bytes, bool]:
        """Feed the body to the reader; what is left when it ends, and whether there was more than that."""
        batch = bytearray()
        large = False
        async for chunk in read_body(exchange.headers, exchange.receive, self._config.body):
            batch += chunk
            if len(batch) > self._config.body.memory_bytes:
                await self._threads.bulk(partial(reader.feed, bytes(batch)))
                batch.clear()
                large = True
        return bytes(batch), large

    def _carry_out(self, reader: Reader, rest: bytes, deposit: Deposit, exchange: Exchange) -> Reply | Job:
        reader.feed(rest)
        root, exchange.soap = unwrap(reader.close())
        name = documents.operation(root)
        if name == "Execute":
            return self._executions.submit_document(root, deposit, exchange.accept_language, exchange.soap)
        return self._publish(_published(name, root), exchange)

    async def _follow(self, job: Job, exchange: Exchange) -> Reply:
        exchange.job = job.id
        return await self._executions.answer(job, exchange.receive, exchange.soap)


class Jobs:
    """What ``statusLocation`` points at: the response of a job as it is at this moment, read from the store."""

    def __init__(self, service: Service, threads: Threads, answering: Answering, executions: Executions) -> None:
        self._service = service
        self._threads = threads
        self._answering = answering
        self._executions = executions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Answer = self._get if scope["method"] in {"GET", "HEAD"} else _no_method
        await self._answering(answer, scope, receive, send)

    async def _get(self, exchange: Exchange) -> Reply:
        exchange.job = exchange.scope["path_params"]["id"]
        job = await self._threads.quick(partial(self._service.job, exchange.job))
        return await self._executions.reply(job)


async def _no_method(exchange: Exchange) -> Reply:
    raise malformed(f"{exchange.scope['method']} is not answered here; GET and POST are.", status=405)


def _published(name: str, root: Node) -> GetCapabilities | DescribeProcess:
    return documents.get_capabilities(root) if name == "GetCapabilities" else documents.describe_process(root)


def _charset(content_type: str) -> str:
    parameters = (part.strip().partition("=") for part in content_type.split(";")[1:])
    return next((value.strip("\"' ") for name, _, value in parameters if name.lower() == "charset"), "")
