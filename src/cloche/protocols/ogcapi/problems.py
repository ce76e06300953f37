"""The one table that says how a refusal or a failure is told to a client of the API (RFC 9457; clause 7 throughout)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from cloche.model import errors
from cloche.model.job import Failure, FailureKind
from cloche.model.process import SEPARATOR
from cloche.protocols._http.errors import BodyRefused

OGC = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
NO_SUCH_PROCESS = f"{OGC}/no-such-process"
NO_SUCH_JOB = f"{OGC}/no-such-job"
RESULT_NOT_READY = f"{OGC}/result-not-ready"
# of draft 2.0
NO_SUCH_OUTPUT = f"{OGC}/no-such-output"
RESULT_NOT_AVAILABLE = f"{OGC}/result-not-available"
INVALID_QUERY_PARAMETER = f"{OGC}/invalid-query-parameter-value"
INVALID = "InvalidParameterValue"
"""The standard has no type of its own for bad input; this is the name that clause 7.11.4 gives as an example."""
MISSING = "MissingParameterValue"
BLANK = "about:blank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong at one place of the request; ``pointer`` is a JSON pointer as a URI fragment."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Problem details with the HTTP status that goes with them; ``retry_after`` in seconds. ``draft_type`` is the type
    that draft 2.0 has for it, which comes with status 400.
    """

    status: int
    detail: str
    type: str = BLANK
    title: str = ""
    faults: tuple[Fault, ...] = ()
    retry_after: int | None = None
    allow: tuple[str, ...] = ()
    draft_type: str = ""

    def in_draft(self) -> "Problem":
        """As draft 2.0 has it."""
        return replace(self, type=self.draft_type, status=400) if self.draft_type else self

    def body(self, instance: str) -> dict[str, Any]:
        """As ``exception.yaml`` has it, with ``errors`` where a place in the request is at fault."""
        found: dict[str, Any] = {
            "type": self.type,
            "title": self.title or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.faults:
            found["errors"] = [{"detail": fault.detail, "pointer": fault.pointer} for fault in self.faults]
        return found


class Refused(Exception):
    """The request cannot be answered as it is."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def bad_request(detail: str, *, pointer: Sequence[str | int] | None = None) -> Refused:
    """400: the form of the request is wrong, at ``pointer`` where its body is."""
    faults = () if pointer is None else (Fault(pointer=fragment(pointer), detail=detail),)
    return Refused(Problem(status=400, type=INVALID, title="Invalid request", detail=detail, faults=faults))


def no_such_input(text: str, pointer: Sequence[str | int]) -> Refused:
    """400: there is no input of that name at ``pointer``."""
    status, kind, title = REFUSALS[errors.NoSuchInput]
    fault = Fault(pointer=fragment(pointer), detail=text)
    return Refused(Problem(status=status, type=kind, title=title, detail=text, faults=(fault,)))


def bad_parameter(name: str, detail: str) -> Refused:
    """400: a query parameter has a value that cannot be."""
    text = f"Parameter {name}: {detail}"
    title = "Invalid query parameter"
    return Refused(Problem(status=400, type=INVALID, title=title, detail=text, draft_type=INVALID_QUERY_PARAMETER))


def fragment(pointer: Sequence[str | int]) -> str:
    """A JSON pointer as a URI fragment."""
    return "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in pointer)


REFUSALS: dict[type[errors.ClocheError], tuple[int, str, str]] = {
    errors.NoSuchProcess: (404, NO_SUCH_PROCESS, "No such process"),
    errors.ProcessUnavailable: (503, BLANK, "Process unavailable"),
    errors.BadRequest: (400, INVALID, "Invalid request"),
    errors.MissingInput: (400, MISSING, "Missing input"),
    errors.NoSuchInput: (400, INVALID, "No such input"),
    errors.TooManyInputs: (400, INVALID, "Too many values"),
    errors.WrongInputData: (400, INVALID, "Invalid input"),
    errors.NoSuchFormat: (400, INVALID, "Unsupported format"),
    errors.SizeExceeded: (413, BLANK, "Input too large"),
    errors.DataNotAccessible: (400, INVALID, "Data not accessible"),
    errors.InputError: (400, INVALID, "Invalid input"),
    errors.NoSuchOutput: (400, INVALID, "No such output"),
    errors.NoSuchMode: (400, INVALID, "Execution mode not supported"),
    errors.StorageNotSupported: (400, INVALID, "Not supported"),
    errors.NotEnoughStorage: (507, BLANK, "Not enough storage"),
    errors.ServerBusy: (503, BLANK, "Server busy"),
    errors.NoSuchJob: (404, NO_SUCH_JOB, "No such job"),
    errors.ResultNotReady: (404, RESULT_NOT_READY, "Results not ready"),
    errors.NotPossible: (409, BLANK, "Not possible"),
    errors.KeyReused: (422, BLANK, "Idempotency key used before"),
    errors.ClocheError: (500, BLANK, ""),
}

FAILURES: dict[FailureKind, tuple[int, str, str]] = {
    FailureKind.PROCESS: (500, BLANK, "The process failed"),
    FailureKind.INPUT: (400, INVALID, "Invalid input"),
    FailureKind.REFERENCE: (400, INVALID, "Data not accessible"),
    FailureKind.LIMIT: (500, BLANK, "A limit was exceeded"),
    FailureKind.CRASH: (500, BLANK, "The process failed"),
    FailureKind.LOST: (500, BLANK, "The execution was lost"),
    FailureKind.INTERNAL: (500, BLANK, "The server failed"),
}

DISMISSED = Problem(status=410, title="Dismissed", detail="The job was dismissed: it has no results.")
UNAVAILABLE = Problem(status=503, detail="The server cannot reach its records just now.", retry_after=5)
INTERNAL = Problem(status=500, detail="The server failed to answer this request.")

_INPUTS = (errors.InputError,)


def refusal(error: errors.ClocheError | BodyRefused | Refused) -> Problem:
    """What the client is told of a request that was not carried out."""
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, BodyRefused):
        return Problem(status=error.status, detail=error.text)
    status, kind, title = next(REFUSALS[known] for known in type(error).__mro__ if known in REFUSALS)
    return Problem(
        status=status,
        type=kind,
        title=title,
        detail=error.text,
        faults=_faults(error),
        retry_after=error.retry_after if isinstance(error, errors.ServerBusy) else None,
        draft_type=NO_SUCH_OUTPUT if isinstance(error, errors.NoSuchOutput) else "",
    )


def failure(reason: Failure | None) -> Problem:
    """What the client is told of an execution that failed, or that was dismissed (no reason)."""
    if reason is None:
        return DISMISSED
    status, kind, title = FAILURES[reason.kind]
    pointer = fragment(("inputs", *reason.locator.split(SEPARATOR)))
    faults = (Fault(pointer=pointer, detail=reason.text),) if reason.locator else ()
    return Problem(status=status, type=kind, title=title, detail=reason.text, faults=faults)


def _faults(error: errors.ClocheError) -> tuple[Fault, ...]:
    place = "inputs" if isinstance(error, _INPUTS) else "outputs" if isinstance(error, errors.NoSuchOutput) else ""
    if not place or not error.locator:
        return ()
    # the path of an input that is inside of others is its pointer; an output is named as the client has named it
    steps = error.locator.split(SEPARATOR) if place == "inputs" else (error.locator,)
    return (Fault(pointer=fragment((place, *steps)), detail=error.text),)
