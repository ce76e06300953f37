"""The WPS endpoints: ``/wps`` speaks every version, one beside it for each speaks that alone."""

from starlette.routing import BaseRoute, Route

from cloche.app.metadata import service_metadata
from cloche.app.settings import Settings
from cloche.protocols import wps1, wps2
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._http.threads import Threads
from cloche.protocols._ows.versions import Offer, VersionedEndpoint
from cloche.protocols.wps1.documents import NAMESPACES as NAMESPACES_1
from cloche.protocols.wps1.requests import VERSION as VERSION_1
from cloche.protocols.wps2.documents import NAMESPACES as NAMESPACES_2
from cloche.protocols.wps2.requests import VERSION as VERSION_2
from cloche.service.service import Service

PATH = "/wps"
VERSIONS = (VERSION_1, VERSION_2)


def routes(service: Service, settings: Settings, url: str, body: BodyLimits) -> list[BaseRoute]:
    """``/wps``, ``/wps/1.0.0`` and ``/wps/2.0.0`` with what their documents point at, seen by clients at ``url``."""
    threads = Threads()

    def one(path: str, versions: tuple[str, ...]) -> wps1.Wps1Config:
        return wps1.Wps1Config(
            url=url,
            metadata=service_metadata(settings.metadata),
            languages=settings.server.language,
            body=body,
            path=path,
            versions=versions,
        )

    def two(path: str, versions: tuple[str, ...]) -> wps2.Wps2Config:
        return wps2.Wps2Config(
            url=url,
            metadata=service_metadata(settings.metadata),
            languages=settings.server.language,
            body=body,
            path=path,
            versions=versions,
        )

    every = VersionedEndpoint(
        # what names no version gets the highest (OWS Common clause 7.3.2)
        [
            Offer(
                version=VERSION_2,
                namespaces=NAMESPACES_2,
                application=wps2.endpoint(service, two(PATH, VERSIONS), threads),
            ),
            Offer(
                version=VERSION_1,
                namespaces=NAMESPACES_1,
                application=wps1.endpoint(service, one(PATH, VERSIONS), threads),
            ),
        ],
        idle_seconds=body.idle_seconds,
    )
    pinned_1 = one(f"{PATH}/{VERSION_1}", (VERSION_1,))
    pinned_2 = two(f"{PATH}/{VERSION_2}", (VERSION_2,))
    return [
        Route(PATH, every),
        Route(pinned_1.path, wps1.endpoint(service, pinned_1, threads)),
        Route(pinned_2.path, wps2.endpoint(service, pinned_2, threads)),
        *wps1.job_routes(service, one(PATH, VERSIONS), threads),
        *wps2.result_routes(service, pinned_2, threads),
    ]
