"""OGC API - Processes, out of settings: its routes, and the callbacks of its jobs."""

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from cloche.app.hosts import CannotServe
from cloche.app.settings import Settings
from cloche.engine.callbacks import CallbackPolicy, Callbacks
from cloche.ports.store import JobStore
from cloche.protocols import ogcapi
from cloche.protocols._http.limits import BodyLimits
from cloche.service.service import Service

SECRET_FILE = "callback-secret"  # noqa: S105 - the name of a file
PREFIX = "whsec_"
NEVER = 30 * 86400.0


def routes(service: Service, settings: Settings, url: str, body: BodyLimits) -> list[BaseRoute]:
    """Everything below the server's root."""
    return ogcapi.routes(service, _config(settings, url, body))


def nowhere(settings: Settings, url: str) -> ASGIApp:
    """What answers where no route of any protocol leads."""
    return ogcapi.nowhere(_config(settings, url, BodyLimits()))


@contextmanager
def callbacks(service: Service, store: JobStore, settings: Settings, url: str) -> Iterator[None]:
    """Subscribers are told in the meantime. Raises CannotServe."""
    given, datadir = settings.callbacks, settings.server.datadir
    if not given.serve:
        yield
        return
    messages = ogcapi.CallbackMessages(service, _config(settings, url, BodyLimits()))
    policy = CallbackPolicy(
        secret=_bytes(given.secret or _kept_secret(datadir / SECRET_FILE)),
        allowed_hosts=given.allowedhosts,
        timeout=given.timeout or NEVER,
    )
    try:
        loop = Callbacks(store=store, messages=messages, folder=datadir / "callbacks", policy=policy)
    except ValueError as error:
        raise CannotServe(f"[callbacks] allowedhosts: {error}") from None
    loop.start()
    try:
        yield
    finally:
        loop.stop()


def _config(settings: Settings, url: str, body: BodyLimits) -> ogcapi.OgcApiConfig:
    given = settings.metadata
    capabilities = ogcapi.Link(
        href=f"{url}/wps?service=WPS&request=GetCapabilities",
        rel="related",
        type="text/xml",
        title="The same processes as a Web Processing Service (WPS)",
    )
    return ogcapi.OgcApiConfig(
        url=url,
        title=given.identification_title,
        description=given.identification_abstract,
        keywords=given.identification_keywords,
        provider=given.provider_name,
        provider_url=given.provider_url,
        languages=settings.server.language,
        body=body,
        links=(capabilities,),
        callbacks=settings.callbacks.serve,
        draft=settings.ogcapi.profile == "2.0-draft",
    )


def _kept_secret(path: Path) -> str:
    """Made once, for this server alone; the operator hands it to receivers."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())
    except FileExistsError:
        pass
    return path.read_text("utf-8").strip()


def _bytes(secret: str) -> bytes:
    """Standard Webhooks writes secrets in base64 behind a prefix; any other text is its own bytes."""
    return base64.b64decode(secret.removeprefix(PREFIX)) if secret.startswith(PREFIX) else secret.encode()
