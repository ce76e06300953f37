"""Results over HTTP: ``/outputs/{job}/{name}``, with ranges, validators, and nothing that a browser would run."""

import hashlib
from functools import partial
from pathlib import Path

import structlog
from starlette.datastructures import Headers
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from cloche.model.data import StoredData
from cloche.model.errors import ClocheError
from cloche.ports.store import StoreUnavailable
from cloche.protocols._http import safe
from cloche.protocols._http.threads import Threads
from cloche.service.service import Service

METHODS = ("GET", "HEAD")

log = structlog.get_logger("cloche.outputs")


def routes(service: Service) -> list[BaseRoute]:
    """One route for every result of every job."""
    return [Route("/outputs/{job}/{name}", Outputs(service))]


class Outputs:
    """An ASGI application: a result is what it was when it was stored, so its name and size identify it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._threads = Threads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in METHODS:
            response: Response = PlainTextResponse("Only GET and HEAD.\n", 405, headers={"allow": ", ".join(METHODS)})
        else:
            response = await self._respond(
                scope["path_params"]["job"], scope["path_params"]["name"], Headers(scope=scope)
            )
        await response(scope, receive, send)

    async def _respond(self, job: str, name: str, headers: Headers) -> Response:
        try:
            found = await self._threads.quick(partial(self._find, job, name))
        except ClocheError as error:
            return PlainTextResponse(f"{error.text}\n", 404, headers={"cache-control": "no-store"})
        except StoreUnavailable:
            log.exception("the store is unavailable", job=job)
            return PlainTextResponse("Try again later.\n", 503, headers={"retry-after": "5"})
        data, path = found
        etag = f'"{hashlib.sha256(f"{job}/{name}/{data.size}".encode()).hexdigest()[:32]}"'
        common = {"etag": etag, "cache-control": "private, no-cache", "x-content-type-options": "nosniff"}
        common |= {key.decode(): value.decode() for key, value in safe.headers(data.format.media_type, name)}
        if _matches(headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=common)
        media_type = data.format.media_type or "application/octet-stream"
        if path is not None:
            return FileResponse(path, media_type=media_type, headers=common)
        chunks = await self._threads.quick(partial(self._service.read_output, job, name))
        common |= {"content-length": str(data.size)}
        return StreamingResponse(self._threads.iterate(chunks), media_type=media_type, headers=common)

    def _find(self, job: str, name: str) -> tuple[StoredData, Path | None]:
        return self._service.output(job, name), self._service.output_path(job, name)


def _matches(condition: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return etag in tags or "*" in tags
