"""``cloche serve`` and ``cloche demo``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import Misconfigured, Taken, config_option, settings_of

if TYPE_CHECKING:
    from cloche.app.server import Ready
    from cloche.app.settings import Settings


@click.command(short_help="Serve processes over WPS.")
@config_option
@click.option("--host", help="Address to listen on, over [server] host.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on, over [server] port; 0 takes a free one."
)
@click.option("--demo", is_flag=True, help="Publish the processes that ship with Cloche, too.")
def serve(config: Path | None, host: str | None, port: int | None, *, demo: bool) -> None:
    """Serve the processes over WPS until SIGTERM or Ctrl-C; running jobs go on and are adopted at the next start."""
    _serve(settings_of(config, demo=demo, server__host=host, server__port=port))


@click.command(short_help="Serve the shipped processes and execute three.")
@config_option
@click.option("--host", help="Address to listen on, over [server] host.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on, over [server] port; 0 takes a free one."
)
@click.option("--exit", "leave", is_flag=True, help="End after the three executions; non-zero unless all succeeded.")
def demo(config: Path | None, host: str | None, port: int | None, *, leave: bool) -> None:
    """Serve the shipped processes, execute three of them over HTTP, show how, and keep serving."""
    from cloche.app.tour import Tour

    settings = settings_of(config, demo=True, server__host=host, server__port=port)
    tour = Tour(leave=leave)
    _serve(settings, tour)
    if leave and tour.failures:
        raise click.exceptions.Exit(1)


def _serve(settings: "Settings", ready: "Ready | None" = None) -> None:
    from cloche.app.datadir import DatadirTaken
    from cloche.app.hosts import CannotServe
    from cloche.app.server import PortTaken, serve
    from cloche.ports.store import StoreUnavailable

    try:
        serve(settings, ready)
    except (PortTaken, DatadirTaken, StoreUnavailable) as error:
        raise Taken(str(error)) from None
    except CannotServe as error:
        raise Misconfigured(str(error)) from None
