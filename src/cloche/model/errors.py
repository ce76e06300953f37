"""The exceptions that a client can cause, translated once, at the border of each protocol.

ClocheError
+-- NoSuchProcess         process
+-- ProcessUnavailable    process
+-- BadRequest            name of a protocol parameter
+-- InputError            input
|   +-- MissingInput
|   +-- NoSuchInput
|   +-- TooManyInputs
|   +-- WrongInputData
|   +-- NoSuchFormat
|   +-- SizeExceeded
|   +-- DataNotAccessible
+-- NoSuchOutput          output
+-- NoSuchMode            mode
+-- StorageNotSupported
+-- NotEnoughStorage
+-- ServerBusy            retry_after seconds
+-- NoSuchJob             job
+-- ResultNotReady        job
+-- NotPossible           the mode or the state does not allow it
+-- KeyReused             an idempotency key stands for another request
"""


class ClocheError(Exception):
    """``text`` is for the client; ``locator`` names the parameter at fault, or is empty."""

    def __init__(self, text: str, *, locator: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.locator = locator


class NoSuchProcess(ClocheError):
    """The catalog has no process of that identifier."""


class ProcessUnavailable(ClocheError):
    """The process is published, but its package is broken at the moment."""


class BadRequest(ClocheError):
    """A parameter of the protocol itself is wrong."""


class InputError(ClocheError):
    """An input is at fault; ``locator`` is its identifier."""


class MissingInput(InputError):
    """A mandatory input is absent."""


class NoSuchInput(InputError):
    """The process has no such input."""


class TooManyInputs(InputError):
    """More occurrences than ``max_occurs``."""


class WrongInputData(InputError):
    """The value is malformed or outside the domain."""


class NoSuchFormat(InputError):
    """The format is not supported by that input or output."""


class SizeExceeded(InputError):
    """The value is larger than allowed."""


class DataNotAccessible(InputError):
    """Referenced data could not be had."""


class NoSuchOutput(ClocheError):
    """The process has no such output; ``locator`` is the identifier asked for."""


class NoSuchMode(ClocheError):
    """The process cannot be executed that way."""


class StorageNotSupported(ClocheError):
    """The output or response cannot be stored."""


class NotEnoughStorage(ClocheError):
    """No room for the request or its results."""


class ServerBusy(ClocheError):
    """No slot or no place in the queue; ``retry_after`` in seconds."""

    def __init__(self, text: str, *, retry_after: int = 10) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class NoSuchJob(ClocheError):
    """Unknown, expired or dismissed."""


class ResultNotReady(ClocheError):
    """The job has not ended yet."""


class NotPossible(ClocheError):
    """Refused honestly: this mode or state cannot do what was asked."""


class KeyReused(ClocheError):
    """The idempotency key was used before, for another request."""
