"""The one table that says how a refusal or a failure is told to a WPS 1.0.0 client."""

from cloche.model import errors
from cloche.model.job import Failure, FailureKind
from cloche.protocols._ows.errors import STATUS, Code, Fault, OwsError

REFUSALS: dict[type[errors.ClocheError], tuple[Code, str, int | None]] = {
    # exception: code, locator where it brings none, HTTP status where it is not the code's own
    errors.NoSuchProcess: (Code.INVALID, "Identifier", None),
    errors.ProcessUnavailable: (Code.NO_APPLICABLE_CODE, "", 503),
    errors.BadRequest: (Code.INVALID, "", None),
    errors.MissingInput: (Code.MISSING, "DataInputs", None),
    errors.NoSuchInput: (Code.INVALID, "DataInputs", None),
    errors.TooManyInputs: (Code.INVALID, "DataInputs", None),
    errors.WrongInputData: (Code.INVALID, "DataInputs", None),
    errors.NoSuchFormat: (Code.INVALID, "DataInputs", None),
    errors.SizeExceeded: (Code.FILE_SIZE_EXCEEDED, "", None),
    errors.DataNotAccessible: (Code.INVALID, "DataInputs", None),
    errors.InputError: (Code.INVALID, "DataInputs", None),
    errors.NoSuchOutput: (Code.INVALID, "ResponseForm", None),
    errors.NoSuchMode: (Code.STORAGE_NOT_SUPPORTED, "", None),
    errors.StorageNotSupported: (Code.STORAGE_NOT_SUPPORTED, "", None),
    errors.NotEnoughStorage: (Code.NOT_ENOUGH_STORAGE, "", None),
    errors.ServerBusy: (Code.SERVER_BUSY, "", None),
    errors.NoSuchJob: (Code.NO_APPLICABLE_CODE, "", 404),
    errors.ResultNotReady: (Code.NO_APPLICABLE_CODE, "", 404),
    errors.NotPossible: (Code.NO_APPLICABLE_CODE, "", 409),
    errors.ClocheError: (Code.NO_APPLICABLE_CODE, "", None),
}

FAILURES: dict[FailureKind, tuple[Code, int]] = {
    FailureKind.PROCESS: (Code.NO_APPLICABLE_CODE, 500),
    FailureKind.INPUT: (Code.INVALID, 400),
    FailureKind.REFERENCE: (Code.INVALID, 400),
    FailureKind.LIMIT: (Code.NO_APPLICABLE_CODE, 500),
    FailureKind.CRASH: (Code.NO_APPLICABLE_CODE, 500),
    FailureKind.LOST: (Code.NO_APPLICABLE_CODE, 500),
    FailureKind.INTERNAL: (Code.NO_APPLICABLE_CODE, 500),
}

DISMISSED = Fault(code=Code.NO_APPLICABLE_CODE, text="The execution was dismissed.", status=410)


def refusal(error: errors.ClocheError | OwsError) -> Fault:
    """What the client is told of a request that was not carried out."""
    if isinstance(error, OwsError):
        return error.fault
    code, locator, status = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    busy = error if isinstance(error, errors.ServerBusy) else None
    return Fault(
        code=code,
        text=error.text,
        locator=_locator(error, code, locator),
        status=status or STATUS[code],
        retry_after=busy.retry_after if busy else None,
    )


def _locator(error: errors.ClocheError, code: Code, parameter: str) -> str:
    """The name of what is at fault, never its value (OWS 1.1 Table 25): of a process, the parameter that named it."""
    if code is Code.NO_APPLICABLE_CODE:
        return ""
    return parameter if isinstance(error, errors.NoSuchProcess) else error.locator or parameter


def failure(reason: Failure | None) -> Fault:
    """What the client is told of an execution that failed, or that was dismissed (no reason)."""
    if reason is None:
        return DISMISSED
    code, status = FAILURES[reason.kind]
    return Fault(code=code, text=reason.text, locator=reason.locator if code is Code.INVALID else "", status=status)


def clients_fault(reason: Failure | None) -> bool:
    """Whether the request was to blame: an ExceptionReport then, else ProcessFailed (CHECKLIST B)."""
    return reason is not None and reason.kind in {FailureKind.INPUT, FailureKind.REFERENCE}
