"""POST to ``execution``: a request becomes a job, and the job an answer (clause 7.11)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import msgspec
from starlette.datastructures import Headers

from cloche.model.errors import NoSuchMode
from cloche.model.execute import Mode
from cloche.model.job import Job
from cloche.model.process import JobControl, ProcessDescription
from cloche.model.state import ENDED
from cloche.ports.store import Once
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.languages import by_header
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.shelf import Shelf
from cloche.protocols._http.sizes import is_small
from cloche.protocols._http.threads import Threads
from cloche.protocols._http.waiting import Awaited
from cloche.protocols.ogcapi import bodies, kvp, media, nesting, preferences, requests
from cloche.protocols.ogcapi.answering import Exchange, no_method
from cloche.protocols.ogcapi.bodies import Body
from cloche.protocols.ogcapi.checks import Check
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import HTML, JSON, PROFILE_OF_RESULTS
from cloche.protocols.ogcapi.negotiation import quality
from cloche.protocols.ogcapi.pages import POLICY, Pages
from cloche.protocols.ogcapi.preferences import Preferences
from cloche.protocols.ogcapi.problems import Problem, Refused, bad_request
from cloche.protocols.ogcapi.results import EVERYTHING, NO_STORE, Results, Selection
from cloche.protocols.ogcapi.status import status_info
from cloche.service.service import Service

CHECKED_PROCESSES = 512

Lines = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to execute: ``patience`` is how many seconds to wait for an asynchronous job all the same."""

    mode: Mode
    patience: int = 0


def plan(process: ProcessDescription, wanted: Preferences) -> Plan:
    """Clause 7.11.2.3: without preference synchronously where the process can. Raises NoSuchMode."""
    synchronous = JobControl.SYNC in process.job_control
    if JobControl.ASYNC not in process.job_control:
        if not synchronous:
            raise NoSuchMode(f"Process {process.id} cannot be executed.", locator="mode")
        return Plan(mode=Mode.SYNC)
    if not synchronous:
        return Plan(mode=Mode.ASYNC)
    return Plan(mode=Mode.ASYNC, patience=wanted.wait or 0) if wanted.given else Plan(mode=Mode.SYNC)


class Executions:
    """Answers POST."""

    def __init__(
        self, service: Service, config: OgcApiConfig, threads: Threads, results: Results, pages: Pages
    ) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._results = results
        self._pages = pages
        self._checks = Shelf[dict[str, Check]](entries=CHECKED_PROCESSES, total_bytes=CHECKED_PROCESSES)

    async def execute(self, exchange: Exchange) -> Reply:
        """201 with the job, or its results. Raises Refused, BodyRefused, ClocheError, Disconnected."""
        process = self._service.process(exchange.path("process")).description
        _check_media_type(exchange.headers.get("content-type", ""))
        wanted = preferences.parse(",".join(exchange.headers.getlist("prefer")))
        return await self._execute(exchange, process, wanted, None)

    async def execute_query(self, exchange: Exchange) -> Reply:
        """A request in the query string, of draft 2.0. Raises Refused, ClocheError, Disconnected."""
        process = self._service.process(exchange.path("process")).description
        query = kvp.read(exchange.asked, process)
        overriding = {b"accept": query.accept, b"prefer": query.prefer}
        headers = [(name, value) for name, value in exchange.scope["headers"] if overriding.get(name) is None]
        headers += [(name, text.encode("latin-1", "replace")) for name, text in overriding.items() if text is not None]
        scope = {**exchange.scope, "headers": headers, "query_string": b""}
        exchange = Exchange(scope=scope, receive=exchange.receive, headers=Headers(scope=scope))
        wanted = preferences.parse(",".join(exchange.headers.getlist("prefer")))
        return await self._execute(exchange, process, wanted, Body(query.body, large=False))

    async def refuse_head(self, exchange: Exchange) -> Reply:
        """Nobody executes to see the head of an answer."""
        raise no_method(exchange, ("GET", "OPTIONS", "POST"))

    async def _execute(
        self, exchange: Exchange, process: ProcessDescription, wanted: Preferences, body: Body | None
    ) -> Reply:
        """``body`` is read from the client where there is none."""
        planned = plan(process, wanted)
        deposit = Deposit(self._service.intake, max_bytes=self._service.policy.max_input_bytes)
        try:
            if body is None:
                body = await bodies.receive(exchange, deposit, self._config.body, self._threads)
            run = self._threads.bulk if body.large else self._threads.quick
            job = await run(partial(self._submit, exchange, process, planned.mode, body, deposit))
        except BaseException:
            if deposit.intake is not None:
                await self._threads.quick(deposit.discard)
            raise
        exchange.job = job.id
        return await self._follow(job, exchange, planned, wanted)

    def _submit(self, exchange: Exchange, process: ProcessDescription, mode: Mode, body: Body, deposit: Deposit) -> Job:
        decoded = requests.decode(body.content)
        accept = exchange.accept if self._config.draft else None
        request = requests.execute(decoded, process, self._compiled(process), deposit, mode=mode, accept=accept)
        chosen = by_header(exchange.headers.get("accept-language", ""), self._config.languages)
        request = replace(request, language=chosen)
        if self._config.callbacks:
            request = replace(request, subscriber=requests.subscriber(decoded))
        once = _once(exchange.headers.get("idempotency-key"), process, body)
        return self._service.submit(request, deposit.intake, once=once)

    def _compiled(self, process: ProcessDescription) -> Mapping[str, Check]:
        version = self._service.catalog_version()
        found = self._checks.get(version, process.id)
        if found is None:
            found = nesting.checks(process)
            self._checks.put(version, process.id, found, size=1)
        return found

    async def _follow(self, job: Job, exchange: Exchange, planned: Plan, wanted: Preferences) -> Reply:
        """Wait as long as was planned. A client that can ask again by its key may go away in the meantime."""
        if planned.mode is Mode.SYNC:
            keyed = "idempotency-key" in exchange.headers
            job = await Awaited(self._service).end(
                job.id, exchange.receive, self._threads, abandon=not keyed, young=True
            )
        elif planned.patience:
            job = await Awaited(self._service).end(
                job.id, exchange.receive, self._threads, patience=planned.patience, abandon=False, young=True
            )
            if job.state in ENDED:
                return _applied(await self.reply(job, exchange), f"wait={wanted.wait}")
        if planned.mode is Mode.SYNC:
            return await self.reply(job, exchange)
        reply = self._accepted(job, exchange)
        return _applied(reply, "respond-async") if wanted.respond_async else reply

    async def reply(self, job: Job, exchange: Exchange) -> Reply:
        """The results of an ended job. Raises Refused, ResultNotReady."""
        self._results.check(job)
        if prefers_page(exchange):
            return self.results_page(job)
        render = partial(self._results.reply, job, exchange.accept, self._selection(exchange))
        if is_small(job, 0):
            return render()
        run = self._threads.quick if is_small(job, self._config.small_bytes) else self._threads.bulk
        return await run(render)

    def _selection(self, exchange: Exchange) -> Selection:
        """What of the results is wanted, and how, which only draft 2.0 lets a client say."""
        if not self._config.draft:
            return EVERYTHING
        wanted = preferences.parse(",".join(exchange.headers.getlist("prefer")))
        applied = ((b"preference-applied", f"return={wanted.returns}".encode()),) if wanted.returns else ()
        return Selection(
            outputs=exchange.asked.many("outputs"),
            large_by_reference=wanted.returns != "representation",
            headers=((b"link", PROFILE_OF_RESULTS), *applied),
        )

    def results_page(self, job: Job) -> Reply:
        """Every output with what it is, or where."""
        page = self._pages.render("results", self._results.overview(job), job=job.id)
        return Reply(media_type=f"{HTML}; charset=utf-8", segments=(page,), headers=(POLICY, *NO_STORE))

    def _accepted(self, job: Job, exchange: Exchange) -> Reply:
        """/req/core/process-execute-success-async."""
        info = status_info(job, self._config)
        headers: Lines = ((b"location", self._config.job(job.id).encode()), *NO_STORE)
        if prefers_page(exchange):
            page = self._pages.render("job", info)
            kind = f"{HTML}; charset=utf-8"
            return Reply(media_type=kind, segments=(page,), status=201, headers=(POLICY, *headers))
        return Reply(media_type=JSON, segments=(msgspec.json.encode(info),), status=201, headers=headers)


def prefers_page(exchange: Exchange) -> bool:
    """Whether a person looks at the answer. Raises Refused."""
    f = exchange.asked.one("f")
    if f is not None:
        return exchange.kind() == HTML
    return HTML in exchange.accept and quality(exchange.accept, HTML) > quality(exchange.accept, JSON)


def _applied(reply: Reply, preference: str) -> Reply:
    return replace(reply, headers=(*reply.headers, (b"preference-applied", preference.encode())))


def _check_media_type(content_type: str) -> None:
    if content_type and not media.is_json(content_type):
        text = f"The media type {content_type[:60]} is not read here; {JSON} is."
        raise Refused(Problem(status=415, detail=text))


def _once(key: str | None, process: ProcessDescription, body: Body) -> Once | None:
    """The key belongs to the process; what else the request says is in its body."""
    if key is None:
        return None
    if not 0 < len(key) <= requests.LONGEST_KEY:
        raise bad_request(f"An Idempotency-Key has 1 to {requests.LONGEST_KEY} characters.")
    named = hashlib.sha256(f"{process.id}\n{key}".encode("utf-8", "surrogateescape")).hexdigest()
    return Once(key=named, digest=body.digest())
