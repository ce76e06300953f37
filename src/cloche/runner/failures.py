"""Exceptions of process code as failures for clients: plain words, nothing from inside."""

import errno
import signal
from collections.abc import Callable, Iterator, Mapping

from cloche.authoring.errors import Cancelled, ProcessError, WrongData
from cloche.authoring.text import clean
from cloche.jobdir.records import ResultFailure, TaskRecord
from cloche.model.errors import InputError
from cloche.model.job import FailureKind
from cloche.model.limits import Limits
from cloche.model.quantities import show_bytes
from cloche.runner.breaches import NO_ROOM_TEXT

STOPPED = 128 + signal.SIGTERM
"""The exit code of an execution that was told to end."""


class InputFault(Exception):
    """An input cannot be used; ``locator`` is its identifier."""

    def __init__(self, text: str, locator: str) -> None:
        super().__init__(text)
        self.text = text
        self.locator = locator


def failure_of(error: BaseException, task: TaskRecord) -> ResultFailure:
    """What the client is told of an exception."""
    for cause in _causes(error):
        if (breach := _breach(cause, task.limits)) is not None:
            return ResultFailure(kind=FailureKind.LIMIT, text=breach)
    match error:
        case InputFault() | InputError():
            return ResultFailure(kind=FailureKind.INPUT, text=clean(error.text), locator=error.locator)
        case ProcessError():
            at_fault = isinstance(error, WrongData) or bool(error.input)
            kind = FailureKind.INPUT if at_fault else FailureKind.PROCESS
            return ResultFailure(kind=kind, text=_said(error.text), locator=clean(str(error.input), 200))
        case _:
            return ResultFailure(kind=FailureKind.CRASH, text=_crash(error, task))


def _crash(error: BaseException, task: TaskRecord) -> str:
    """All that a client may know of an end that the author did not foresee."""
    if isinstance(error, Cancelled) or (isinstance(error, SystemExit) and error.code == STOPPED):
        return f"Job {task.job} was stopped."
    if isinstance(error, SystemExit):
        return f"The process exited without results in job {task.job}."
    return f"The process failed with an internal error. The operator finds the details in the log of job {task.job}."


def _said(text: object) -> str:
    """An author may have raised ProcessError with anything, or with nothing."""
    return clean(str(text)) or "The process failed and gave no reason."


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from: libraries wrap errors of the system in their own."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__


def _breach(error: BaseException, limits: Limits) -> str | None:
    """The exceeded limit in words, as the supervisor says it, or None."""
    if isinstance(error, MemoryError):
        return _memory(limits)
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return _processes(limits)
    words = _BREACHES.get(error.errno or 0) if isinstance(error, OSError) else None
    return None if words is None else words(limits)


def _memory(limits: Limits) -> str:
    return "out of memory" if limits.memory is None else f"memory limit of {show_bytes(limits.memory)} exceeded"


def _file_size(limits: Limits) -> str:
    size = limits.file_size
    return "file size limit exceeded" if size is None else f"file size limit of {show_bytes(size)} exceeded"


def _open_files(limits: Limits) -> str:
    count = limits.open_files
    return "too many open files" if count is None else f"open files limit of {count} exceeded"


def _scratch(limits: Limits) -> str:
    size = limits.scratch
    return NO_ROOM_TEXT if size is None else f"work directory limit of {show_bytes(size)} exceeded"


def _processes(limits: Limits) -> str | None:
    # without a limit of ours, EAGAIN is an author's own affair: a socket that has nothing to read
    return None if limits.processes is None else f"process limit of {limits.processes} exceeded"


_BREACHES: Mapping[int, Callable[[Limits], str | None]] = {
    errno.ENOMEM: _memory,
    errno.EFBIG: _file_size,
    errno.EMFILE: _open_files,
    errno.ENOSPC: _scratch,
    errno.EDQUOT: _scratch,
    errno.EAGAIN: _processes,
}
