"""The paths of the API."""

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cloche.model.errors import NoSuchJob, NoSuchProcess
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.threads import Threads
from cloche.protocols.ogcapi.answering import Answer, Edge, Exchange, Resource
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import HTML, JSON, OPENAPI
from cloche.protocols.ogcapi.executions import Executions
from cloche.protocols.ogcapi.jobs import Jobs
from cloche.protocols.ogcapi.pages import Pages
from cloche.protocols.ogcapi.problems import Problem, Refused
from cloche.protocols.ogcapi.publications import Publications
from cloche.protocols.ogcapi.results import Results
from cloche.service.service import Service


def routes(service: Service, config: OgcApiConfig) -> list[BaseRoute]:
    """Everything below the server's root that the standard names, and what ``/api`` adds to it."""
    threads, pages = Threads(), Pages(config)
    edge = Edge(threads, pages, draft=config.draft)
    results = Results(service, config)
    published = Publications(service, config, threads, pages)
    executions = Executions(service, config, threads, results, pages)
    jobs = Jobs(service, config, threads, results, executions, pages)

    def route(path: str, **answers: Answer) -> Route:
        return Route(path, Resource(edge, answers))

    by_query = {"GET": executions.execute_query, "HEAD": executions.refuse_head} if config.draft else {}
    return [
        route("/", GET=published.answer("landing", published.landing)),
        route("/conformance", GET=published.answer("conformance", published.conformance)),
        route("/api", GET=published.answer("api", published.api, offered=(OPENAPI, JSON, HTML))),
        route("/processes", GET=published.answer("processes", published.processes)),
        route("/processes/{process}", GET=published.answer("process", published.process)),
        route("/processes/{process}/execution", POST=executions.execute, **by_query),
        route("/jobs", GET=jobs.list),
        route("/jobs/{job}", GET=jobs.get, DELETE=jobs.dismiss),
        route("/jobs/{job}/results", GET=jobs.results),
        route("/jobs/{job}/results/{output:path}", GET=jobs.result),
        route("/jobs/{job}/log", GET=jobs.log),
        route("/jobs/{job}/events", GET=jobs.events),
        route("/jobs/{job}/pause", POST=jobs.pause),
        route("/jobs/{job}/resume", POST=jobs.resume),
        # identifiers with slashes in them, and what has no meaning
        route("/processes/{process:path}", GET=_no_process, POST=_no_process),
        route("/jobs/{job:path}", GET=_no_job, POST=_no_job, DELETE=_no_job),
    ]


def nowhere(config: OgcApiConfig) -> ASGIApp:
    """What answers where no route of any protocol leads."""
    edge = Edge(Threads(), Pages(config), draft=config.draft)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await edge(_nothing, scope, receive, send)

    return answer


async def _nothing(exchange: Exchange) -> Reply:
    path = exchange.scope["path"][:100]
    text = f"There is nothing at {path}. What there is, / and /api say; WPS is at /wps."
    raise Refused(Problem(status=404, detail=text))


async def _no_process(exchange: Exchange) -> Reply:
    raise NoSuchProcess(f"There is no process {exchange.path('process')[:100]!r}.")


async def _no_job(exchange: Exchange) -> Reply:
    raise NoSuchJob(f"There is no job {exchange.path('job')[:100]!r}.")
