"""The house, put together from settings by functions."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from cloche.app import modes, ogcapi, pages, wps
from cloche.app.archive import archive
from cloche.app.compression import Compression
from cloche.app.datadir import Datadir
from cloche.app.drain import Drain
from cloche.app.hosts import CannotServe, owner
from cloche.app.modes import Modes
from cloche.app.overrides import limits
from cloche.app.publications import catalog_of
from cloche.app.settings import Settings
from cloche.catalog.catalog import PackageCatalog
from cloche.engine import policy as engine_policy
from cloche.engine.bell import LocalBell
from cloche.engine.engine import Engine
from cloche.engine.references import FetchPolicy, HttpFetcher
from cloche.model.domains import ComplexDomain
from cloche.model.errors import NoSuchProcess
from cloche.model.process import ProcessDescription
from cloche.ports.store import JobStore
from cloche.protocols import outputs
from cloche.protocols._http.limits import BodyLimits
from cloche.service.policy import Policy
from cloche.service.service import Service

CORS: dict[str, Any] = {
    "allow_methods": ("GET", "HEAD", "POST", "DELETE"),
    "allow_headers": ("*",),
    "expose_headers": ("Location", "Link", "Preference-Applied", "Retry-After", "ETag", "Content-Disposition"),
    "max_age": 3600,
}
"""What scripts on pages of allowed origins may send and see."""

NEVER = 30 * 86400.0
"""Seconds that stand for no time limit at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What is inside, for those who stand at the door."""

    service: Service
    catalog: PackageCatalog
    store: JobStore
    engine: Engine
    drain: Drain


@contextmanager
def opened(settings: Settings) -> Iterator[House]:
    """The house over the data directory that the settings name, its engine running and its packages described.

    Raises DatadirTaken, CannotServe, StoreUnavailable.
    """
    datadir = Datadir(settings.server.datadir)
    drain = Drain(datadir.drain)
    with ExitStack() as stack:
        stack.enter_context(datadir.owned())
        found = stack.enter_context(modes.opened(settings, datadir.jobs, datadir.slots))
        kept = stack.enter_context(archive(datadir, owner(settings)))
        fetcher = _fetcher(settings)
        stack.callback(fetcher.close)
        catalog = catalog_of(settings, found)
        stack.callback(catalog.close)
        catalog.start()
        bell = LocalBell()
        engine = Engine(
            store=kept.store,
            storage=kept.storage,
            workspace=kept.workspace,
            executors=found.executors,
            fetcher=fetcher,
            bell=bell,
            policy=_engine_policy(settings, catalog),
        )
        stack.callback(engine.stop)
        engine.start()
        service = Service(
            catalog=catalog,
            store=kept.store,
            storage=kept.storage,
            workspace=kept.workspace,
            executors=found.executors,
            waker=engine,
            bell=bell,
            policy=_policy(settings, found, drain),
        )
        yield House(service=service, catalog=catalog, store=kept.store, engine=engine, drain=drain)


def application(service: Service, settings: Settings, url: str) -> Starlette:
    """Everything that answers over HTTP, seen by clients at ``url``."""
    middleware = [Middleware(Compression)]
    if origins := settings.server.alloworigins:
        middleware.insert(0, Middleware(CORSMiddleware, allow_origins=origins, **CORS))
    application = Starlette(routes=routes(service, settings, url), middleware=middleware)
    application.router.default = ogcapi.nowhere(settings, url)
    return application


def routes(service: Service, settings: Settings, url: str) -> list[BaseRoute]:
    """The routes of every protocol, and the server's own."""
    body = BodyLimits(max_bytes=settings.server.maxrequestsize or sys.maxsize)
    return [
        *wps.routes(service, settings, url, body),
        *outputs.routes(service),
        *pages.routes(service),
        *ogcapi.routes(service, settings, url, body),
    ]


def _policy(settings: Settings, found: Modes, drain: Drain) -> Policy:
    return Policy(
        mode=found.default,
        parallel=settings.server.parallelprocesses,
        waiting=settings.server.maxprocesses,
        limits=limits(settings.limits),
        max_input_bytes=settings.server.maxsingleinputsize or None,
        draining=drain.on,
    )


def _engine_policy(settings: Settings, catalog: PackageCatalog) -> engine_policy.Policy:
    server = settings.server

    def described(process: str) -> ProcessDescription | None:
        try:
            return catalog.get(process).description
        except NoSuchProcess:
            return None

    def per_process() -> dict[str, int]:
        return {p.description.id: p.description.parallel for p in catalog.processes() if p.description.parallel}

    def network(process: str) -> bool:
        description = described(process)
        return description is not None and description.network

    def image(process: str) -> str | None:
        description = described(process)
        return description.image if description else None

    def input_bytes(process: str, name: str) -> int | None:
        description = described(process)
        parameter = description.input(name) if description else None
        own = parameter.domain.max_bytes if parameter and isinstance(parameter.domain, ComplexDomain) else None
        caps = [cap for cap in (own, server.maxsingleinputsize) if cap]
        return min(caps) if caps else None

    return engine_policy.Policy(
        parallel=server.parallelprocesses,
        per_process=per_process,
        network=network,
        image=image,
        input_bytes=input_bytes,
        keep_results=timedelta(seconds=server.keepresults) if server.keepresults else None,
        keep_workdir=not server.cleantempdir,
        stop_grace=timedelta(seconds=settings.processing.stopgrace),
    )


def _fetcher(settings: Settings) -> HttpFetcher:
    given = settings.references
    policy = FetchPolicy(
        connect_timeout=given.connecttimeout or NEVER,
        read_timeout=given.readtimeout or NEVER,
        total_timeout=given.timeout or NEVER,
        max_redirects=given.redirects,
        allowed_hosts=given.allowedhosts,
        directories=settings.server.allowedinputpaths,
    )
    try:
        return HttpFetcher(policy)
    except ValueError as error:
        raise CannotServe(f"[references] allowedhosts: {error}") from None
