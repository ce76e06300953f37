"""The server process: one HTTP port, one data directory, until a signal says otherwise."""

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn
from starlette.applications import Starlette

from cloche import __version__
from cloche.app import logs, ogcapi, wiring
from cloche.app.connection import Connection
from cloche.app.publications import strays
from cloche.app.settings import Server, Settings

Ready = Callable[[str, Callable[[], None]], None]
"""Called in a thread of its own once the server answers: with its address, and a function that ends it."""

log = structlog.get_logger("cloche.server")


class PortTaken(Exception):
    """Somebody else listens there, or the address is not this host's."""


def serve(settings: Settings, ready: Ready | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises PortTaken, DatadirTaken, CannotServe."""
    logs.configure(settings.logging)
    with _listen(settings.server) as listener:
        url = settings.server.url or _address(settings.server.host, listener.getsockname()[1])
        with wiring.opened(settings) as house, ogcapi.callbacks(house.service, house.store, settings, url):
            if not house.catalog.processes():
                log.warning("nothing is published", mend="name packages in [processing] packages, or add --demo")
            for line in strays(settings, house.catalog):
                log.warning("settings of no process", problem=line)
            if house.drain.on():
                log.warning("draining: new jobs are refused", mend="cloche drain --off")
            application = wiring.application(house.service, settings, url)
            server = _Server(_configuration(application, settings), settings, house)
            _run(server, listener, url, ready)
    log.info("stopped")


class _Server(uvicorn.Server):
    """Ends on SIGTERM when running jobs have, or after ``[server] draintimeout``; at once on SIGINT or a second one."""

    def __init__(self, configuration: uvicorn.Config, settings: Settings, house: wiring.House) -> None:
        super().__init__(configuration)
        self._patience = settings.server.draintimeout
        self._house = house
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGTERM or self._draining or not self._patience:
            super().handle_exit(sig, frame)
            return
        self._draining = True
        self._house.drain.close()
        threading.Thread(target=self._drain, name="drain", daemon=True).start()

    def _drain(self) -> None:
        log.info("draining: waiting for running jobs", seconds=self._patience)
        try:
            running = self._house.engine.drain(self._patience)
            log.info("drained", running=running)
        finally:
            self.should_exit = True


def _run(server: uvicorn.Server, listener: socket.socket, url: str, ready: Ready | None) -> None:
    def stop() -> None:
        server.should_exit = True

    # uvicorn ends cleanly on these and then raises them once more, for us: nothing is left to do
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    log.info("serving", url=url, wps=f"{url}/wps", version=__version__)
    if ready is not None:
        threading.Thread(target=ready, args=(url, stop), name="ready", daemon=True).start()
    gc.collect()
    gc.freeze()  # what is there now stays: collections need not look at it
    server.run(sockets=[listener])


def _configuration(application: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=settings.logging.access,
        server_header=False,
        timeout_graceful_shutdown=round(settings.server.shutdowntimeout),
    )


def _listen(server: Server) -> socket.socket:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        return socket.create_server((server.host, server.port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise PortTaken(f"cannot listen on {server.host} port {server.port}: {reason}; choose with --port") from None


def _address(host: str, port: int) -> str:
    name = "localhost" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _ignore(_number: int, _frame: FrameType | None) -> None:
    pass
