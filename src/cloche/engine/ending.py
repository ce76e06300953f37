"""What every end writes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cloche.ports.store import Move


def dated(change: Move, keep: timedelta | None) -> Move:
    """The change of a job that ends now and is kept for ``keep`` (None: for ever)."""
    finished = datetime.now(UTC)
    return replace(change, finished=finished, expires=None if keep is None else finished + keep)
