"""Why an execution failed, in words for the client: pure functions of the evidence."""

import signal

from cloche.jobdir.records import ExitRecord, ResultRecord
from cloche.model.job import Failure, FailureKind
from cloche.ports.executor import Sighting

MAX_TEXT = 8192
_STOPPED = "The execution was stopped from outside, by the host or an operator."
_CLAIMABLE = frozenset({FailureKind.PROCESS, FailureKind.INPUT, FailureKind.LIMIT, FailureKind.CRASH})


def failure_of(exit: ExitRecord, result: ResultRecord | None) -> Failure:
    """The reason of an end that is no success: an exceeded limit, then what user code says, then how it ended."""
    if breach := exit.breach or _breach(exit):
        return Failure(kind=FailureKind.LIMIT, text=breach)
    if exit.stopped:
        return Failure(kind=FailureKind.LOST, text=_STOPPED)
    if result is not None and result.failure is not None and not exit.signal:
        claim = result.failure
        kind = claim.kind if claim.kind in _CLAIMABLE else FailureKind.CRASH
        return Failure(kind=kind, text=claim.text[:MAX_TEXT], locator=claim.locator[:MAX_TEXT])
    return Failure(kind=FailureKind.CRASH, text=_crash(exit))


def lost(seen: Sighting | None) -> Failure:
    """The reason of an execution that left no evidence of its end."""
    words = f" ({seen.detail})" if seen is not None and seen.detail else ""
    return Failure(kind=FailureKind.LOST, text=f"The execution was lost: nothing tells how it ended{words}.")


def _breach(exit: ExitRecord) -> str:
    if exit.oom:
        return "memory limit exceeded"
    return "run time limit exceeded" if exit.timeout else ""


def _crash(exit: ExitRecord) -> str:
    if exit.signal:
        names = {number.value: number.name for number in signal.Signals}
        return f"The process was killed by signal {names.get(exit.signal, exit.signal)}."
    if exit.code:
        return f"The process ended with exit code {exit.code}."
    return "The process ended without a result."
