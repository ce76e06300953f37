"""The first process of an execution: raises the walls around itself, then calls the process."""

import contextlib
import gc
import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cloche.jobdir.layout import Layout
from cloche.model.limits import Limits
from cloche.runner.groups import Groups
from cloche.runner.walls import cell, kernel, raising

WALLS_FAILED = 125  # exit code: the last line on standard error says which step

Call = Callable[[Layout], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is run: ``call`` reads the request in the job directory and returns the exit code."""

    jobdir: str
    limits: Limits
    groups: Groups
    call: Call


def run(walls: raising.Walls, task: Task, *, stdout: int, stderr: int) -> NoReturn:
    """Be the execution; never returns. ``stdout`` and ``stderr`` are the write ends of the supervisor's pipes."""
    code = WALLS_FAILED
    try:
        _raise_walls(walls, task, stdout, stderr)
        code = _call(task)
    except SystemExit:
        code = 128 + signal.SIGTERM  # stopped while the walls went up
    except BaseException as error:  # noqa: BLE001 - the last edge: nothing may return into the zygote's code
        os.write(2, f"walls: {error!r}\n".encode())
    os._exit(code)


def _raise_walls(walls: raising.Walls, task: Task, stdout: int, stderr: int) -> None:
    _attach(stdout, stderr)
    task.groups.join()
    kernel.close_all_but(walls.readable)
    raising.isolate(walls)
    _enclose(walls, task)


def _attach(stdout: int, stderr: int) -> None:
    signal.signal(signal.SIGTERM, _end)  # the first process of a namespace never gets what it has no handler for
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _enclose(walls: raising.Walls, task: Task) -> None:
    raising.confine(walls, task.jobdir, task.limits, task.groups.enforced())
    kernel.close_all_but(())
    # changes of identity above would have cleared it
    kernel.die_with_parent()
    if _orphaned():
        os._exit(WALLS_FAILED)


def _orphaned() -> bool:
    """Whether the supervisor died before it could take the execution with it: nobody reads standard output."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _call(task: Task) -> int:
    _settle(task.jobdir)
    gc.enable()
    try:
        code = task.call(Layout(Path(task.jobdir)))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever it is, it is the execution's own failure
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return code


def _settle(jobdir: str) -> None:
    """The environment of an execution; two of one zygote must not draw the same random numbers."""
    work, own_tmp = cell.places(jobdir)
    os.environ["HOME"] = work
    os.environ["TMPDIR"] = own_tmp
    tempfile.tempdir = None  # the package may have asked for it on import
    os.chdir(work)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
