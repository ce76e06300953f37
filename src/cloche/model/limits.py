"""Limits of one execution."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one execution may use; ``None`` is no limit.

    Bytes for ``memory``, ``file_size``, ``output_size``, ``scratch``, ``log_size``, ``free_space``; seconds for
    ``run_time``, ``queue_time``, ``cpu_time``; cores for ``cpus``; counts for the rest. ``scratch`` is all that the
    execution keeps in its work directory at once; ``output_size`` is the sum of its outputs; ``free_space``, the
    operator's alone, is what must be left on the disk for everybody.
    """

    memory: int | None = None
    cpus: float | None = None
    cpu_time: float | None = None
    processes: int | None = None
    run_time: float | None = None
    queue_time: float | None = None
    file_size: int | None = None
    output_size: int | None = None
    outputs: int | None = None
    open_files: int | None = None
    scratch: int | None = None
    log_size: int | None = None
    free_space: int | None = None

    def within(self, ceiling: "Limits") -> "Limits":
        """The stricter of the two, limit by limit."""
        names = [f.name for f in fields(self)]
        stricter: dict[str, Any] = {name: _least(getattr(self, name), getattr(ceiling, name)) for name in names}
        return Limits(**stricter)


def _least(own: float | None, ceiling: float | None) -> float | None:
    given = [value for value in (own, ceiling) if value is not None]
    return min(given) if given else None
