"""Call a process, inside the walls: request in, result out. The only way that process code is ever run."""

import contextlib
import errno
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from cloche.authoring.errors import Cancelled, ProcessError
from cloche.authoring.job import Job
from cloche.authoring.process import Process
from cloche.jobdir.files import RecordError, read_record, write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import ResultRecord, TaskRecord
from cloche.jobdir.removal import remove_tree
from cloche.model.codec import decode, encode
from cloche.model.data import BoundingBoxData, ComplexData, Input, LiteralData
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import FailureKind
from cloche.model.limits import Limits
from cloche.runner import failures, forking, inputs, outputs, termination
from cloche.runner.breaches import NO_ROOM
from cloche.runner.failures import STOPPED
from cloche.runner.forking import Hook
from cloche.runner.package import Package
from cloche.runner.progress import ProgressFile

OK = 0
FAILED = 1
_FORMAT = Format(media_type="text/plain")


def prepare() -> None:
    """Do beforehand, once in a zygote, what each call would spend a millisecond on."""
    _start_logging()
    data = (LiteralData(value=""), BoundingBoxData(lower=(), upper=()), ComplexData(file="", format=_FORMAT, size=0))
    task = TaskRecord(
        job="",
        package="",
        process="",
        inputs=tuple(Input(id="", data=item) for item in data),
        outputs=(OutputRequest(id="", format=_FORMAT),),
        limits=Limits(memory=0),
    )
    decode(TaskRecord, encode(task))


def run(layout: Layout, package: Package, hooks: Sequence[Hook] = ()) -> int:
    """Run the task in ``layout``; returns the exit code. Every failure is written as ``work/result.json``.

    ``hooks`` are those that the package has registered. The caller has made ``layout.work`` the current directory.
    Where even the result cannot be written, the exit code and the log are all there is.
    """
    forking.catch_up(hooks)
    try:
        task = read_record(TaskRecord, layout.request)
    except (RecordError, OSError) as error:
        _log(f"request.json cannot be read: {error}")
        return FAILED
    if task is None:
        _log("there is no request.json")
        return FAILED
    try:
        record = execute(task, layout, package)
    except BaseException as error:  # noqa: BLE001 - the last edge: whatever process code raises ends here
        return _fail(error, task, layout)
    return _write(record, layout)


def execute(task: TaskRecord, layout: Layout, package: Package) -> ResultRecord:
    """The result of a process of ``package``. Raises whatever the process raises, and what reading and writing do."""
    process = package.processes.get(task.process)
    if process is None:
        raise ProcessError(f"Process {task.process} is no longer published.")
    values = inputs.read(process, task, layout)
    job = Job(
        layout.work,
        id=task.job,
        language=task.language,
        wanted={request.id: request.format for request in task.outputs},
        report=ProgressFile(layout.progress),
    )
    _start_logging()
    returned = _invoke(process, values, job)
    return ResultRecord(outputs=tuple(outputs.write(process, task, returned, layout)))


def _invoke(process: Process[..., Any], values: Mapping[str, Sequence[Any]], job: Job) -> Any:
    """Call it. Code that has a Job is told when it is to stop; all other code is left to end at the signal."""
    if process.job_name is None or threading.current_thread() is not threading.main_thread():
        return process.invoke(values, job)
    before = termination.heed(job.cancel)
    try:
        return process.invoke(values, job)
    finally:
        signal.signal(signal.SIGTERM, before)


def _start_logging() -> None:
    """What process code logs goes to standard error, hence to the job's log."""
    if logging.root.handlers:
        return
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def _fail(error: BaseException, task: TaskRecord, layout: Layout) -> int:
    failure = failures.failure_of(error, task)
    if isinstance(error, Cancelled):
        _log(f"job {task.job} ended because it was asked to")
    elif failure.kind in (FailureKind.CRASH, FailureKind.LIMIT):
        _log_traceback(error, task)
    else:
        _log(f"job {task.job} failed: {failure.text}")
    # frames of process code may hold all of the memory that there is
    traceback.clear_frames(error.__traceback__)
    if failure.kind is FailureKind.LIMIT:
        with contextlib.suppress(OSError):
            remove_tree(layout.out)
    return _write(ResultRecord(failure=failure), layout) or _code(error)


def _code(error: BaseException) -> int:
    if isinstance(error, Cancelled):
        return STOPPED
    if isinstance(error, SystemExit) and isinstance(error.code, int) and 0 < error.code < 256:
        return error.code
    return FAILED


def _write(record: ResultRecord, layout: Layout) -> int:
    """The exit code that this deserves."""
    try:
        write_record(layout.result, record)
    except (OSError, MemoryError) as error:
        _log(f"result.json cannot be written: {error}")
        return NO_ROOM if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) else FAILED
    return OK


def _log_traceback(error: BaseException, task: TaskRecord) -> None:
    _log(f"job {task.job} failed:")
    try:
        traceback.print_exception(type(error), error, _authors_frames(error), limit=-50, file=sys.stderr)
        sys.stderr.flush()
    except (MemoryError, OSError, ValueError):  # ValueError: process code has closed standard error
        _log(type(error).__name__)


def _authors_frames(error: BaseException) -> TracebackType | None:
    """The traceback without what called the process; all of it where the process was not called yet, or no longer."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code is not Process.invoke.__code__:
        frames = frames.tb_next
    return (frames and frames.tb_next) or error.__traceback__


def _log(line: str) -> None:
    # not through sys.stderr: process code may have closed or replaced it
    with contextlib.suppress(OSError):
        os.write(2, f"cloche: {line}\n".encode(errors="backslashreplace"))
