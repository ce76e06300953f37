"""Exceptions of the OGC Web Services themselves: codes, their HTTP status, and the report's content."""

from dataclasses import dataclass
from enum import StrEnum

from cloche.protocols._http.errors import BodyRefused


class Code(StrEnum):
    """Exception codes (OWS Common 1.1 Table 25, WPS 1.0.0 Table 62)."""

    OPERATION_NOT_SUPPORTED = "OperationNotSupported"
    OPTION_NOT_SUPPORTED = "OptionNotSupported"
    MISSING = "MissingParameterValue"
    INVALID = "InvalidParameterValue"
    VERSION_NEGOTIATION_FAILED = "VersionNegotiationFailed"
    INVALID_UPDATE_SEQUENCE = "InvalidUpdateSequence"
    NO_APPLICABLE_CODE = "NoApplicableCode"
    NOT_ENOUGH_STORAGE = "NotEnoughStorage"
    SERVER_BUSY = "ServerBusy"
    FILE_SIZE_EXCEEDED = "FileSizeExceeded"
    STORAGE_NOT_SUPPORTED = "StorageNotSupported"


STATUS: dict[Code, int] = {
    # OWS Common 2.0, Table 28; WPS 1.0.0 names no status for the last five
    Code.OPERATION_NOT_SUPPORTED: 501,
    Code.OPTION_NOT_SUPPORTED: 501,
    Code.MISSING: 400,
    Code.INVALID: 400,
    Code.VERSION_NEGOTIATION_FAILED: 400,
    Code.INVALID_UPDATE_SEQUENCE: 400,
    Code.NO_APPLICABLE_CODE: 500,
    Code.NOT_ENOUGH_STORAGE: 507,
    Code.SERVER_BUSY: 503,
    Code.FILE_SIZE_EXCEEDED: 413,
    Code.STORAGE_NOT_SUPPORTED: 400,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What an ExceptionReport says, with the HTTP status that goes with it; ``retry_after`` in seconds."""

    code: str
    text: str
    status: int
    locator: str = ""
    retry_after: int | None = None


class OwsError(Exception):
    """A request that the protocol itself refuses; ``status`` differs from the code's own where HTTP is more exact."""

    def __init__(self, code: Code, text: str, *, locator: str = "", status: int | None = None) -> None:
        super().__init__(text)
        self.fault = Fault(code=code, text=text, locator=locator, status=status or STATUS[code])


def missing(name: str) -> OwsError:
    """The parameter ``name`` is mandatory."""
    return OwsError(Code.MISSING, f"The parameter '{name}' is missing.", locator=name)


def invalid(name: str, text: str) -> OwsError:
    """The parameter ``name`` has a value that cannot be."""
    return OwsError(Code.INVALID, text, locator=name)


def malformed(text: str, *, status: int = 400) -> OwsError:
    """The request cannot be read at all."""
    return OwsError(Code.NO_APPLICABLE_CODE, text, status=status)


def unread(error: BodyRefused) -> OwsError:
    """What reading the body refused, in the words of OWS."""
    code = Code.FILE_SIZE_EXCEEDED if error.status == STATUS[Code.FILE_SIZE_EXCEEDED] else Code.NO_APPLICABLE_CODE
    return OwsError(code, error.text, status=error.status)
