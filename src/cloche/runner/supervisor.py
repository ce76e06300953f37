"""Outside the walls of an execution: forks it ahead, hands it its order, sees it through to the end; then the next one.

Has one execution at a time and keeps nothing of it: the next one is a copy of its memory. Lives on when zygote and
server are gone, for as long as its execution. Standard output and error of the execution go to ``ctl/*.log``. It is
ended when its time is up or when that is asked for. When its last process has died ``ctl/exit.json`` is written, by
rename.
"""

import contextlib
import fcntl
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from cloche.jobdir.orders import HOLD, supervisor_name
from cloche.jobdir.records import ExitRecord
from cloche.runner import child, evidence, here, rehearsal
from cloche.runner.breaches import NO_ROOM_TEXT
from cloche.runner.desk import Desk
from cloche.runner.prepared import Prepared
from cloche.runner.supervision import Supervision
from cloche.runner.walls import cell, kernel, raising

_MOST_TURNS = 1000  # what garbage there is goes with the supervisor
HEARD = frozenset({signal.SIGTERM, HOLD})
"""Signals that come with requests: blocked before there is anybody to hear them."""

_IDLE = b"cloche"


def supervise(walls: raising.Walls, call: child.Call, desk: Desk, boot: str) -> None:
    """Prepare an execution, wait for its order at ``desk``, see it through; and so on. ``boot`` is the boot's id.

    Called in a process of its own whose other descriptors are closed, or the desk's.
    """
    with contextlib.suppress(PermissionError):  # the first process of a container leads its session already
        os.setsid()
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1, "prctl CHILD_SUBREAPER")
    signals = kernel.signal_descriptor((*HEARD, signal.SIGCHLD))
    thread_id = kernel.thread_id_address() if walls.sealed else None
    # else a supervisor can make one process namespace only
    turns = _MOST_TURNS if thread_id is not None or not walls.sealed else 1
    identity = _Identity.own(boot)
    for number in range(turns):
        groups = desk.prepare()
        if groups is None:
            return
        slot = Prepared(walls, call, groups, thread_id)
        if number == 0 and not desk.has_order():
            rehearsal.of_supervisor()
        if not _see_through(slot, desk, identity, signals) or number == turns - 1:
            return  # without a word: whoever is told that it is done sends the next order
        while kernel.read_signal(signals) is not None:
            pass  # what came too late would stand in the way of what comes next
        desk.done()


def _see_through(slot: Prepared, desk: Desk, identity: "_Identity", signals: int) -> bool:
    """One turn. False where this supervisor should have no other.

    Nothing is done where no order comes, or where the job has or had another supervisor.
    """
    commission = desk.receive(signals)
    lock = None if commission is None else _claim()
    if commission is None or lock is None:
        slot.discard()
        return False
    clean = True
    try:
        _begin(identity, commission.order.turn)
    except OSError as error:
        slot.discard()
        clean = False
        record = _no_room(error)
    else:
        groups = slot.go(commission)
        desk.confirm()
        supervision = Supervision(slot, commission.order, groups, signals)
        record = supervision.run()
        clean = supervision.clean
        groups.close()
    evidence.conclude(lock, record, here.LOCK, here.EXIT)
    os.close(lock)
    kernel.name_process(_IDLE)
    os.chdir("/")
    slot.close()
    return clean


@dataclass(frozen=True, slots=True)
class _Identity:
    """Process id and start time (fields 1 and 22 of ``stat``) as the host sees them, and the boot's id."""

    pid: int
    start_ticks: int
    boot: str

    @staticmethod
    def own(boot: str) -> "_Identity":
        """Whom others see in this process."""
        descriptor = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
        text = os.read(descriptor, 1024)
        os.close(descriptor)
        return _Identity(int(text.split(b" ", 1)[0]), int(text[text.rindex(b")") + 2 :].split()[19]), boot)


def _claim() -> int | None:
    """The lock of the one supervisor that this job will ever have, or None.

    The lock lets one at a time look whether ``started.json`` is there; the file has room for the record of the end.
    """
    try:
        lock = os.open(here.LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return None  # the job has ended, and its directory is gone
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if _exists(here.STARTED):
        os.close(lock)
        return None
    evidence.reserve(lock)
    return lock


def _begin(identity: _Identity, turn: int) -> None:
    """Say whose job it is in ``started.json``, which comes whole, by rename; make the execution's directories."""
    kernel.name_process(supervisor_name(turn))
    # a StartedRecord
    whom = (identity.pid, identity.start_ticks, identity.boot.encode(), turn)
    here.put(here.STARTED, b'{"pid":%d,"start_ticks":%d,"boot":"%b","turn":%d}' % whom)
    cell.prepare()


def _exists(name: str) -> bool:
    try:
        os.lstat(name)
    except FileNotFoundError:
        return False
    return True


def boot_id() -> str:
    """What tells this boot of the kernel from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _no_room(error: OSError) -> ExitRecord:
    """The end of an execution that never began. Raises ``error`` again where the disk is not what is full."""
    if error.errno not in evidence.FULL:
        raise error
    return ExitRecord(ok=False, breach=NO_ROOM_TEXT, message=str(error))
