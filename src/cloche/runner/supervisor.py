"""Outside the walls of an execution: forks it ahead, hands it its order, sees it through to the end; then the next one.

Has one execution at a time and keeps nothing of it: the next one is a copy of its memory. Lives on when zygote and
server are gone, for as long as its execution. Standard output and error of the execution go to ``ctl/*.log``. It is
ended when its time is up or when that is asked for. When its last process has died ``ctl/exit.json`` is written, by
rename.
"""

import contextlib
import fcntl
import os
import select
import signal
import stat
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import HOLD, Hold, Order, supervisor_name
from cloche.jobdir.records import ExitRecord
from cloche.model.job import Usage
from cloche.runner import child, evidence, rehearsal, usage
from cloche.runner.breaches import MAX_FILES, NO_ROOM_TEXT, Seen, Stopped, breach
from cloche.runner.desk import Commission, Desk
from cloche.runner.disk import DiskWatch
from cloche.runner.family import Family
from cloche.runner.groups import Groups
from cloche.runner.logs import Log
from cloche.runner.pause import Pause
from cloche.runner.scratch import measure
from cloche.runner.walls import cell, kernel, raising

DEFAULT_GRACE_S = 5.0
_LOOK_EVERY_S = 0.25
_MOST_TURNS = 1000  # what garbage there is goes with the supervisor
_WORD = 32  # bits of a queued signal's number; above them stands the turn
HEARD = frozenset({signal.SIGTERM, HOLD})
"""Signals that come with requests: blocked before there is anybody to hear them."""

_IDLE = b"cloche"

# names in the job directory, which is the supervisor's working directory: it lives too short to think about paths
_HERE = Layout(Path())
_LOCK, _STARTED, _EXIT, _PAUSED = map(os.fspath, (_HERE.lock, _HERE.started, _HERE.exit, _HERE.paused))
_STDOUT, _STDERR = map(os.fspath, (_HERE.stdout, _HERE.stderr))
_WORK, _RESULT = map(os.fspath, (_HERE.work, _HERE.result))


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
        slot = _Slot(walls, call, groups, thread_id)
        if number == 0:
            rehearsal.of_supervisor()
        if not _see_through(slot, desk, identity, signals):
            return
        while kernel.read_signal(signals) is not None:
            pass  # what came too late would stand in the way of what comes next
        desk.done()


def _see_through(slot: "_Slot", desk: Desk, identity: "_Identity", signals: int) -> bool:
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
        supervision = _Supervision(slot, commission.order, groups, signals)
        record = supervision.run()
        clean = supervision.clean
        groups.close()
    evidence.conclude(lock, record, _LOCK, _EXIT)
    os.close(lock)
    kernel.name_process(_IDLE)
    os.chdir("/")
    slot.close()
    return clean


class _Slot:
    """An execution that was forked and waits for its order."""

    def __init__(self, walls: raising.Walls, call: child.Call, groups: Groups, thread_id: int | None) -> None:
        """``thread_id``: see ``kernel.fork_sealed``."""
        self.sealed = walls.sealed
        self.logs = (Log(_STDOUT), Log(_STDERR))
        self._groups = groups
        theirs, self._orders = os.pipe2(os.O_CLOEXEC)
        if thread_id is not None:
            self.first = kernel.fork_sealed(thread_id)
        else:
            if walls.sealed:
                kernel.unshare(kernel.CLONE_NEWPID)
            self.first = os.fork()
        if self.first == 0:
            stdout, stderr = (log.writer for log in self.logs)
            child.run(walls, call, child.Ends(orders=theirs, stdout=stdout, stderr=stderr))
        for descriptor in (theirs, *(log.writer for log in self.logs)):
            os.close(descriptor)
        groups.admit(self.first)

    def go(self, commission: Commission) -> Groups:
        """Hand over the letter; returns all control groups that the execution is in."""
        commission.groups.admit(self.first)
        groups = self._groups.with_more(commission.groups)
        with contextlib.suppress(BrokenPipeError):  # it has failed already and has said why
            os.writev(self._orders, (child.dump_enforced(groups.enforced()), commission.letter))
        os.close(self._orders)
        commission.letter[:] = bytes(len(commission.letter))
        return groups

    def close(self) -> None:
        """Let go of what is left when it has ended."""
        for log in self.logs:
            log.close()

    def discard(self) -> None:
        """There will be no order."""
        os.close(self._orders)
        os.waitpid(self.first, 0)


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
    lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if _exists(_STARTED):
        os.close(lock)
        return None
    evidence.reserve(lock)
    return lock


def _begin(identity: _Identity, turn: int) -> None:
    """Say whose job it is in ``started.json``, which comes whole, by rename; make the execution's directories."""
    kernel.name_process(supervisor_name(turn))
    # a StartedRecord
    whom = (identity.pid, identity.start_ticks, identity.boot.encode(), turn)
    _put(_STARTED, b'{"pid":%d,"start_ticks":%d,"boot":"%b","turn":%d}' % whom)
    cell.prepare()


def _put(name: str, data: bytes) -> None:
    """``jobdir.files.write_record`` in a fraction of its time: under another name first, then by rename."""
    temporary = f"{name}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    os.write(descriptor, data)
    os.close(descriptor)
    os.rename(temporary, name)  # noqa: PTH104 - see _HERE


def _exists(name: str) -> bool:
    try:
        os.lstat(name)
    except FileNotFoundError:
        return False
    return True


def _record_pause() -> None:
    _put(_PAUSED, b"")


def _erase_pause() -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_PAUSED)  # noqa: PTH108 - see _HERE


def boot_id() -> str:
    """What tells this boot of the kernel from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class _Supervision:
    """The life of one execution as its supervisor sees it."""

    def __init__(self, slot: _Slot, order: Order, groups: Groups, signals: int) -> None:
        limits = order.limits
        self._slot = slot
        self._limits = limits
        self._turn = order.turn
        self.clean = True
        self._groups = groups
        self._signals = signals
        self._stopped: Stopped | None = None
        self._kill_at: float | None = None
        self._spent = groups.cpu_s() or 0.0  # a container's group has been counting since the package was imported
        self._begin = time.monotonic()
        self._deadline = None if limits.run_time is None else self._begin + limits.run_time
        # where neither a control group nor a user namespace of its own counts the processes
        self._count = limits.processes is not None and not (groups.enforced().processes or slot.sealed)
        self._weigh = limits.memory is not None and not groups.enforced().memory
        watched = self._count or self._weigh or limits.cpu_time is not None
        self._look_at = self._begin + _LOOK_EVERY_S if watched else None

    def run(self) -> ExitRecord:
        logs = self._slot.logs
        for log in logs:
            log.limit(self._limits.log_size)
        family = Family(self._slot.first, self._groups, sealed=self._slot.sealed)
        self._pause = Pause(family, self._groups, record=_record_pause, erase=_erase_pause)
        self._disk = DiskWatch(_WORK, self._limits, family.tree)
        self._watch(family, logs)
        self._pause.end()
        family.extinguish()
        for log in logs:
            log.drain()
        record = self._record(family)
        self.clean = self.clean and all(log.clean for log in logs)
        return record

    def _watch(self, family: Family, logs: tuple[Log, Log]) -> None:
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        streams = {log.reader: log for log in logs}
        for reader in streams:
            poll.register(reader, select.POLLIN)
        while family.end is None:
            for descriptor, _ in poll.poll(self._patience()):
                if descriptor == self._signals:
                    self._hear(family)
                elif not streams[descriptor].drain():
                    poll.unregister(descriptor)
            self._keep_time(family)

    def _hear(self, family: Family) -> None:
        while (heard := kernel.read_signal(self._signals)) is not None:
            number, word = heard
            if word is not None and word >> _WORD != self._turn:
                continue  # meant for an execution that has ended
            value = None if word is None else word & (1 << _WORD) - 1
            if number == signal.SIGTERM:
                grace = DEFAULT_GRACE_S if value is None else value / 1000
                self._end(family, Stopped.REQUEST, grace=grace)
            elif number == HOLD and value is not None:
                self._hold(Hold(value))
        family.reap()

    def _hold(self, wish: Hold) -> None:
        if wish is Hold.GO_ON:
            stood = self._pause.end()
            if self._deadline is not None:
                self._deadline += stood
        elif self._kill_at is None:  # who was asked to end must be able to
            self._pause.ask(wish)

    def _end(self, family: Family, reason: Stopped, *, grace: float = 0.0) -> None:
        """Ask for the end, or force it; a second request may only shorten the grace."""
        self._stopped = self._stopped or reason
        grace = 0.0 if self._pause.wanted else grace  # nobody would hear
        at = time.monotonic() + grace
        if grace > 0 and self._kill_at is None:
            family.ask()
        self._kill_at = at if self._kill_at is None else min(at, self._kill_at)

    def _patience(self) -> int | None:
        """Milliseconds until something is due."""
        deadline = None if self._pause.stops_clock else self._deadline
        looks = () if self._pause.still else (self._look_at, self._disk.due)
        due = [at for at in (self._kill_at, deadline, *looks, self._pause.due) if at is not None]
        return max(0, round((min(due) - time.monotonic()) * 1000 + 0.5)) if due else None

    def _keep_time(self, family: Family) -> None:
        now = time.monotonic()
        if self._pause.due is not None and now >= self._pause.due:
            self._pause.press()
        if self._deadline is not None and now >= self._deadline and not (self._stopped or self._pause.stops_clock):
            self._end(family, Stopped.RUN_TIME)
        if not self._pause.still:
            self._look_round(family, now)
        if self._kill_at is not None and now >= self._kill_at:
            family.kill()
            self._pause.end()  # in version 1 nobody dies before
            self._deadline = self._look_at = self._disk.due = None
            self._kill_at = now + _LOOK_EVERY_S  # again, should something have been missed

    def _look_round(self, family: Family, now: float) -> None:
        if self._look_at is not None and now >= self._look_at:
            self._look(family)
        if self._disk.due is not None and now >= self._disk.due and (full := self._disk.look()):
            self._end(family, full)

    def _look(self, family: Family) -> None:
        begin = time.monotonic()
        limits = self._limits
        if limits.cpu_time is not None and self._cpu_s(family, family.tree) > limits.cpu_time:
            self._end(family, Stopped.CPU_TIME)
        if self._weigh and usage.memory(family.tree(), limits.memory or 0) > (limits.memory or 0):
            self._end(family, Stopped.MEMORY)
        if self._count and family.tasks() > (limits.processes or 0):
            self._end(family, Stopped.PROCESSES)
        now = time.monotonic()
        self._look_at = now + max(_LOOK_EVERY_S, 10 * (now - begin))  # looking costs at most a tenth of the time

    def _cpu_s(self, family: Family, alive: Callable[[], Collection[int]]) -> float:
        counted = self._groups.cpu_s()
        return family.cpu_s + usage.cpu_s(alive()) if counted is None else counted - self._spent

    def _record(self, family: Family) -> ExitRecord:
        groups = self._groups
        wall = time.monotonic() - self._begin
        cpu = self._cpu_s(family, tuple)
        assert family.end is not None
        end = family.end
        failed = end.code != 0 or self._stopped is not None
        seen = Seen(
            code=end.code,
            signal=end.signal,
            stopped=self._stopped,
            oom_kills=groups.oom_kills() if failed else 0,
            denied_forks=groups.denied_forks() if failed else 0,
            cpu_s=cpu,
            largest_file=self._largest_file() if failed and self._limits.file_size else 0,
        )
        return ExitRecord(
            ok=not failed and _is_plain_file(_RESULT),
            code=None if end.signal else end.code,
            signal=end.signal or None,
            oom=seen.oom_kills > 0,
            timeout=self._stopped is Stopped.RUN_TIME,
            stopped=self._stopped is Stopped.REQUEST,
            breach=breach(self._limits, seen),
            message=self._message(seen),
            usage=Usage(cpu_s=cpu, wall_s=wall, peak_memory_bytes=groups.peak_memory() or family.peak_memory_bytes),
        )

    def _message(self, seen: Seen) -> str:
        if seen.stopped is Stopped.REQUEST:
            return "stopped on request"
        if seen.code == child.WALLS_FAILED:
            self.clean = False  # what it said is in our memory now
            return self._slot.logs[1].last_line()
        if seen.signal:
            return f"killed by {signal.Signals(seen.signal).name}"
        return f"exit code {seen.code}" if seen.code else ""

    def _largest_file(self) -> int:
        with contextlib.suppress(OSError):
            return measure(_WORK, max_files=MAX_FILES).largest
        return 0


def _is_plain_file(name: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(name).st_mode)
    except OSError:
        return False


def _no_room(error: OSError) -> ExitRecord:
    """The end of an execution that never began. Raises ``error`` again where the disk is not what is full."""
    if error.errno not in evidence.FULL:
        raise error
    return ExitRecord(ok=False, breach=NO_ROOM_TEXT, message=str(error))
