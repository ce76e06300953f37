"""The life of one execution as its supervisor sees it."""

import contextlib
import os
import select
import signal
import stat
import time
from collections.abc import Callable, Collection

from cloche.jobdir.orders import HOLD, Hold, Order
from cloche.jobdir.records import ExitRecord
from cloche.model.job import Usage
from cloche.runner import child, here, usage
from cloche.runner.breaches import MAX_FILES, Seen, Stopped, breach
from cloche.runner.disk import DiskWatch
from cloche.runner.family import Family
from cloche.runner.groups import Groups
from cloche.runner.logs import Log
from cloche.runner.pause import Pause
from cloche.runner.prepared import Prepared
from cloche.runner.scratch import measure
from cloche.runner.walls import kernel

DEFAULT_GRACE_S = 5.0
_LOOK_EVERY_S = 0.25
_WORD = 32  # bits of a queued signal's number; above them stands the turn


class Supervision:
    """``clean``: nothing of the execution has come into this process's memory, which the next one is a copy of."""

    def __init__(self, slot: Prepared, order: Order, groups: Groups, signals: int) -> None:
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
        self._disk = DiskWatch(here.WORK, self._limits, family.tree)
        self._watch(family, logs)
        self._pause.end()
        family.extinguish()
        for log in logs:
            log.finish()
        record = self._record(family)
        self.clean &= all(log.clean for log in logs) and not self._disk.walked and not self._pause.used
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
        self.clean = False  # of its processes the kernel tells names as well
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
            ok=not failed and _is_plain_file(here.RESULT),
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
        self.clean = False
        with contextlib.suppress(OSError):
            return measure(here.WORK, max_files=MAX_FILES).largest
        return 0


def _record_pause() -> None:
    here.put(here.PAUSED, b"")


def _erase_pause() -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(here.PAUSED)  # noqa: PTH108 - thousandths of a second count here


def _is_plain_file(name: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(name).st_mode)
    except OSError:
        return False
