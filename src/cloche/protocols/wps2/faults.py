"""The one table that says how a refusal or a failure is told to a WPS 2.0 client (Tables 41, 46, 48, 50)."""

from enum import StrEnum

from cloche.model import errors
from cloche.model.job import Failure, FailureKind
from cloche.protocols._ows.errors import Code, Fault, OwsError


class Wps2Code(StrEnum):
    """Exception codes of WPS 2.0 itself; the last three are not in its tables: it has none for these."""

    NO_SUCH_PROCESS = "NoSuchProcess"
    NO_SUCH_MODE = "NoSuchMode"
    NO_SUCH_INPUT = "NoSuchInput"
    NO_SUCH_OUTPUT = "NoSuchOutput"
    DATA_NOT_ACCESSIBLE = "DataNotAccessible"
    SIZE_EXCEEDED = "SizeExceeded"
    TOO_MANY_INPUTS = "TooManyInputs"
    TOO_MANY_OUTPUTS = "TooManyOutputs"
    NO_SUCH_FORMAT = "NoSuchFormat"
    WRONG_INPUT_DATA = "WrongInputData"
    INTERNAL_SERVER_ERROR = "InternalServerError"
    NO_SUCH_JOB = "NoSuchJob"
    RESULT_NOT_READY = "ResultNotReady"
    SERVER_BUSY = "ServerBusy"
    NOT_ENOUGH_STORAGE = "NotEnoughStorage"
    NOT_POSSIBLE = "NotPossible"


class TooManyOutputs(errors.ClocheError):
    """An output is asked for more than once; ``locator`` is its identifier."""


REFUSALS: dict[type[errors.ClocheError], tuple[str, str, int]] = {
    # exception: code, locator where it brings none, HTTP status
    errors.NoSuchProcess: (Wps2Code.NO_SUCH_PROCESS, "Identifier", 400),
    errors.ProcessUnavailable: (Code.NO_APPLICABLE_CODE, "", 503),
    errors.BadRequest: (Code.INVALID, "", 400),
    errors.MissingInput: (Code.MISSING, "Input", 400),
    errors.NoSuchInput: (Wps2Code.NO_SUCH_INPUT, "Input", 400),
    errors.TooManyInputs: (Wps2Code.TOO_MANY_INPUTS, "Input", 400),
    errors.WrongInputData: (Wps2Code.WRONG_INPUT_DATA, "Input", 400),
    errors.NoSuchFormat: (Wps2Code.NO_SUCH_FORMAT, "", 400),
    errors.SizeExceeded: (Wps2Code.SIZE_EXCEEDED, "", 413),
    errors.DataNotAccessible: (Wps2Code.DATA_NOT_ACCESSIBLE, "Input", 400),
    errors.InputError: (Wps2Code.WRONG_INPUT_DATA, "Input", 400),
    errors.NoSuchOutput: (Wps2Code.NO_SUCH_OUTPUT, "Output", 400),
    TooManyOutputs: (Wps2Code.TOO_MANY_OUTPUTS, "Output", 400),
    errors.NoSuchMode: (Wps2Code.NO_SUCH_MODE, "mode", 400),
    errors.StorageNotSupported: (Code.OPTION_NOT_SUPPORTED, "transmission", 501),
    errors.NotEnoughStorage: (Wps2Code.NOT_ENOUGH_STORAGE, "", 507),
    errors.ServerBusy: (Wps2Code.SERVER_BUSY, "", 503),
    errors.NoSuchJob: (Wps2Code.NO_SUCH_JOB, "JobID", 400),
    errors.ResultNotReady: (Wps2Code.RESULT_NOT_READY, "JobID", 400),
    errors.NotPossible: (Wps2Code.NOT_POSSIBLE, "", 409),
    errors.KeyReused: (Code.INVALID, "Idempotency-Key", 422),
    errors.ClocheError: (Code.NO_APPLICABLE_CODE, "", 500),
}

FAILURES: dict[FailureKind, tuple[Wps2Code, int]] = {
    FailureKind.PROCESS: (Wps2Code.INTERNAL_SERVER_ERROR, 500),
    FailureKind.INPUT: (Wps2Code.WRONG_INPUT_DATA, 400),
    FailureKind.REFERENCE: (Wps2Code.DATA_NOT_ACCESSIBLE, 400),
    FailureKind.LIMIT: (Wps2Code.INTERNAL_SERVER_ERROR, 500),
    FailureKind.CRASH: (Wps2Code.INTERNAL_SERVER_ERROR, 500),
    FailureKind.LOST: (Wps2Code.INTERNAL_SERVER_ERROR, 500),
    FailureKind.INTERNAL: (Wps2Code.INTERNAL_SERVER_ERROR, 500),
}

DISMISSED = Fault(code=Code.NO_APPLICABLE_CODE, text="The execution was dismissed.", status=410)


def refusal(error: errors.ClocheError | OwsError) -> Fault:
    """What the client is told of a request that was not carried out."""
    if isinstance(error, OwsError):
        return _own(error.fault)
    code, locator, status = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    busy = error if isinstance(error, errors.ServerBusy) else None
    return Fault(
        code=code,
        text=error.text,
        locator="" if code == Code.NO_APPLICABLE_CODE else error.locator or locator,
        status=status,
        retry_after=busy.retry_after if busy else None,
    )


def failure(reason: Failure | None) -> Fault:
    """What the client is told of an execution that failed, or that was dismissed meanwhile (no reason)."""
    if reason is None:
        return DISMISSED
    code, status = FAILURES[reason.kind]
    return Fault(code=code, text=reason.text, locator=reason.locator if status == 400 else "", status=status)


def _own(fault: Fault) -> Fault:
    """A body that is too large has another code in WPS 1.0.0."""
    if fault.code != Code.FILE_SIZE_EXCEEDED:
        return fault
    return Fault(code=Wps2Code.SIZE_EXCEEDED, text=fault.text, status=fault.status)
