"""Jobs over HTTP: the list, one job, its results, its log, and what can be done to it (clauses 7.12, 7.13, 12, 14)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from cloche.model.errors import NoSuchJob, NotPossible
from cloche.model.execute import Response
from cloche.model.job import Job
from cloche.model.state import ENDED, State, Wanted
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.threads import Threads
from cloche.protocols.ogcapi import listing
from cloche.protocols.ogcapi.answering import Exchange, Live
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import HTML, JSON
from cloche.protocols.ogcapi.events import EventStream
from cloche.protocols.ogcapi.executions import Executions
from cloche.protocols.ogcapi.pages import POLICY, Pages
from cloche.protocols.ogcapi.problems import RESULT_NOT_AVAILABLE, Problem, Refused
from cloche.protocols.ogcapi.results import NO_STORE, TEXT, Results
from cloche.protocols.ogcapi.status import status_info
from cloche.service.service import Service


class Jobs:
    """Answers of everything below ``/jobs``. Every one raises Refused, ClocheError."""

    def __init__(
        self,
        service: Service,
        config: OgcApiConfig,
        threads: Threads,
        results: Results,
        executions: Executions,
        pages: Pages,
    ) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._results = results
        self._executions = executions
        self._pages = pages

    async def list(self, exchange: Exchange) -> Reply:
        """``jobList.yaml``: newest first; the cursor is the place of the last job shown."""
        query = listing.jobs(exchange.asked)
        found = list(await self._threads.quick(partial(self._service.jobs, query)))
        shown = found[: query.limit - 1]
        href = self._config.address("/jobs")
        here = exchange.scope["query_string"].decode("latin-1")
        following = partial(listing.following, exchange.asked)
        links = [
            {"href": f"{href}?{here}" if here else href, "rel": "self", "type": JSON, "title": "This page"},
            {
                "href": f"{href}?{following(f='html')}",
                "rel": "alternate",
                "type": HTML,
                "title": "This page for people",
            },
        ]
        if len(found) > len(shown):
            after = following(cursor=listing.cursor(shown[-1]))
            links.append({"href": f"{href}?{after}", "rel": "next", "type": JSON, "title": "Next page"})
        jobs = [status_info(job, self._config) for job in shown]
        return self._reply(exchange, "jobs", {"jobs": jobs, "links": links})

    async def get(self, exchange: Exchange) -> Reply:
        """``statusInfo.yaml``."""
        return self._reply(exchange, "job", status_info(await self._job(exchange), self._config))

    async def dismiss(self, exchange: Exchange) -> Reply:
        """An open job is stopped, an ended one is removed with its results; what was dismissed is gone (clause 14)."""
        job, gone = await self._threads.quick(partial(self._dismiss, exchange.path("job")))
        return self._reply(exchange, "job", status_info(job, self._config, gone=gone))

    async def results(self, exchange: Exchange) -> Reply:
        """As the request that made the job has asked for them."""
        job = await self._job(exchange)
        if job.state is State.SUCCEEDED and job.request.response is Response.NONE:
            text = f"Job {job.id} was asked for no outputs: it has no results."
            raise Refused(Problem(status=404, type=RESULT_NOT_AVAILABLE, title="No results", detail=text))
        return await self._executions.reply(job, exchange)

    async def result(self, exchange: Exchange) -> Reply:
        """One output by itself."""
        job = await self._job(exchange)
        self._results.check(job)
        return await self._threads.quick(partial(self._results.one, job, exchange.path("output"), exchange.accept))

    async def log(self, exchange: Exchange) -> Reply:
        """What the execution printed."""
        job = exchange.path("job")
        kind = exchange.kind(("text/plain", HTML))
        text = await self._threads.quick(partial(self._service.log, job))
        if kind == HTML:
            return self._page("log", {"log": text, "job": job, "href": self._config.job(job)})
        return Reply(media_type=TEXT, segments=(text.encode("utf-8", "replace"),), headers=NO_STORE)

    async def events(self, exchange: Exchange) -> Reply | Live:
        """Server-sent events from the one after Last-Event-ID on; 204 where no more will come."""
        job = await self._job(exchange)
        last = exchange.headers.get("last-event-id", "0")
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 10 else 0
        if job.state in ENDED and not await self._threads.quick(partial(self._service.events, job.id, after=after)):
            return Reply(media_type="", segments=(b"",), status=204, headers=NO_STORE)
        return EventStream(self._service, self._config, self._threads, job.id, after=after)

    async def pause(self, exchange: Exchange) -> Reply:
        """409 where the mode or the state does not allow it."""
        return await self._want(exchange, self._service.pause)

    async def resume(self, exchange: Exchange) -> Reply:
        """Undo pause."""
        return await self._want(exchange, self._service.resume)

    async def _want(self, exchange: Exchange, wish: Callable[[str], Job]) -> Reply:
        job = await self._threads.quick(partial(wish, exchange.path("job")))
        return self._reply(exchange, "job", status_info(job, self._config))

    async def _job(self, exchange: Exchange) -> Job:
        exchange.job = exchange.path("job")
        return await self._threads.quick(partial(self._service.job, exchange.job))

    def _dismiss(self, id: str) -> tuple[Job, bool]:
        """The job, and whether it is gone."""
        job = self._service.job(id)
        if job.state is State.DISMISSED or job.wanted is Wanted.STOP:
            raise NoSuchJob(f"Job {id} was dismissed before.", locator=id)
        if job.state not in ENDED:
            return self._service.dismiss(id), False
        try:
            self._service.purge(id)
        except NotPossible as error:
            raise NoSuchJob(error.text, locator=id) from None
        return replace(job, state=State.DISMISSED, failure=None, message="Removed with its results."), True

    def _reply(self, exchange: Exchange, template: str, data: dict[str, Any]) -> Reply:
        if exchange.kind() == HTML:
            return self._page(template, data)
        return Reply(media_type=JSON, segments=(msgspec.json.encode(data),), headers=NO_STORE)

    def _page(self, template: str, data: dict[str, Any]) -> Reply:
        content = self._pages.render(template, data)
        return Reply(media_type=f"{HTML}; charset=utf-8", segments=(content,), headers=(POLICY, *NO_STORE))
