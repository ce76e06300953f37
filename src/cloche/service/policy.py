"""What the operator allows."""

from dataclasses import dataclass, field

from cloche.model.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``mode`` names the default executor; ``parallel`` and ``waiting`` are PyWPS's parallelprocesses and maxprocesses.

    ``limits`` are defaults and ceilings of every execution; ``max_input_bytes`` caps one input (None: no cap).
    """

    mode: str
    parallel: int
    waiting: int
    limits: Limits = field(default_factory=Limits)
    max_input_bytes: int | None = None
