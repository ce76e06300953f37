"""Structured logs on standard error: lines for people on a terminal, JSON elsewhere."""

import logging
import sys
from typing import TextIO

import structlog

from cloche.app.settings import Logging


def configure(settings: Logging, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's records one way. Called once, by the composition root."""
    stream = stream or sys.stderr
    readable = settings.format == "console" or (settings.format == "auto" and stream.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(readable, stream)],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.level, force=True)
    # migrations at every start are no news
    for name in ("alembic", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


# without local variables: clients' data and secrets are among them
_traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _rendering(readable: bool, stream: TextIO) -> list[structlog.types.Processor]:  # noqa: FBT001 - private
    if readable:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
    return [structlog.processors.ExceptionRenderer(_traceback), structlog.processors.JSONRenderer()]
