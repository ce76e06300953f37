"""What the operator allows."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cloche.model.limits import Limits
from cloche.model.process import ProcessDescription
from cloche.ports.store import Admission


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``mode`` names the default executor; ``parallel`` and ``waiting`` are PyWPS's parallelprocesses and maxprocesses.

    ``limits`` are defaults and ceilings of every execution; ``max_input_bytes`` caps one input (None: no cap).
    ``draining``, asked at every request, says whether new jobs are refused for now.
    """

    mode: str
    parallel: int
    waiting: int
    limits: Limits = field(default_factory=Limits)
    max_input_bytes: int | None = None
    draining: Callable[[], bool] = _never

    def admission(self, description: ProcessDescription) -> Admission:
        """The limits that adding a job of that process is checked against."""
        return Admission(parallel=self.parallel, waiting=self.waiting, process_parallel=description.parallel)
