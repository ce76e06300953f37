"""The route of the server itself: a sign of life at ``/healthz``."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloche import __version__
from cloche.service.service import Service


def routes(service: Service) -> list[Route]:
    """What every server answers, whatever protocols it speaks."""

    async def health(_: Request) -> Response:
        processes = await run_in_threadpool(service.processes)
        unavailable = sum(not one.available for one in processes)
        status = "ok" if len(processes) > unavailable else "nothing to execute"
        return JSONResponse(
            {
                "status": "draining" if service.draining else status,
                "version": __version__,
                "processes": len(processes),
                "unavailable": unavailable,
            }
        )

    return [Route("/healthz", health)]
