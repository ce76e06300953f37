"""The first process of an execution: raises the walls around itself, then calls the process."""

import contextlib
import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Letter
from cloche.runner import rehearsal, termination
from cloche.runner.desk import readable
from cloche.runner.groups import Groups
from cloche.runner.walls import cell, kernel, raising

_ENFORCED_BYTES = 3
WALLS_FAILED = 125  # exit code: the last line on standard error says which step

Call = Callable[[Layout], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The execution's ends of the supervisor's pipes: ``orders`` brings one letter and its end, or only the end."""

    orders: int
    stdout: int
    stderr: int


def run(walls: raising.Walls, call: Call, ends: Ends, groups: Groups) -> NoReturn:
    """Be the execution: join ``groups``, prepare, wait for the order, obey it. Never returns.

    ``call`` reads the request in the job directory and returns the exit code.
    """
    code = WALLS_FAILED
    try:
        _attach(ends)
        groups.admit(0)
        kernel.close_all_but((*walls.held, ends.orders))
        # until an order comes the supervisor's death is the execution's; afterwards once more, see _enclose
        kernel.die_with_parent()
        site = raising.isolate(walls)
        if not readable(ends.orders):
            rehearsal.of_execution(Layout(Path("/")))
        data = _await(ends.orders)
        if not data:
            os._exit(0)
        letter, enforced = Letter.load(data[_ENFORCED_BYTES:]), load_enforced(data[:_ENFORCED_BYTES])
        _enclose(site, letter, enforced)
        code = _call(call, letter.jobdir)
    except SystemExit:
        code = 128 + signal.SIGTERM  # stopped while the walls went up
    except BaseException as error:  # noqa: BLE001 - the last edge: nothing may return into the zygote's code
        os.write(2, f"walls: {error!r}\n".encode())
    os._exit(code)


def dump_enforced(enforced: raising.Enforced) -> bytes:
    """What control groups do for an execution, as it is told before its letter."""
    return b"%d%d%d" % (enforced.memory, enforced.processes, enforced.cpus)


def load_enforced(data: bytes) -> raising.Enforced:
    """What ``dump_enforced`` said."""
    memory, processes, cpus = (digit == ord("1") for digit in data)
    return raising.Enforced(memory=memory, processes=processes, cpus=cpus)


def _await(descriptor: int) -> bytes:
    data = b""
    while piece := os.read(descriptor, 1 << 16):
        data += piece
    return data


def _attach(ends: Ends) -> None:
    termination.heed(_end)  # the first process of a namespace never gets what it has no handler for
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((nothing, 0), (ends.stdout, 1), (ends.stderr, 2)):
        os.dup2(source, target)
    kernel.unblock_signals()
    _volunteer()


def _volunteer() -> None:
    """Where memory ends, in a container or on the whole host, the execution goes first: its supervisor tells why."""
    with contextlib.suppress(OSError):
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, b"1000")
        os.close(descriptor)


def _end() -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _enclose(site: raising.Site, letter: Letter, enforced: raising.Enforced) -> None:
    raising.confine(site, letter.jobdir, letter.limits, enforced)
    kernel.close_all_but(())
    # changes of identity above have cleared it
    kernel.die_with_parent()
    if _orphaned():
        os._exit(WALLS_FAILED)


def _orphaned() -> bool:
    """Whether the supervisor died before it could take the execution with it: nobody reads standard output."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _call(call: Call, jobdir: str) -> int:
    _settle(jobdir)
    gc.freeze()  # what was made up to here is looked at in vain
    gc.enable()
    try:
        termination.spare_children()
        _draw_anew()
        code = call(Layout(Path(jobdir)))
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
    """The environment of an execution."""
    work, own_tmp = cell.places(jobdir)
    os.environ["HOME"] = work
    os.environ["TMPDIR"] = own_tmp
    tempfile: Any = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # the package may have asked for it on import
    os.chdir(work)


def _draw_anew() -> None:
    """Two executions of one zygote must not draw the same random numbers, nor share the secret of their pools."""
    # it may have been there before the package was imported: then nobody has noted what it registers for forks
    random: Any = sys.modules.get("random")
    if random is not None:
        random.seed()
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        numpy_random.seed()
    if (processes := sys.modules.get("multiprocessing.process")) is not None:
        processes.current_process().authkey = os.urandom(32)
