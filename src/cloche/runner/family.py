"""The processes that a supervisor answers for: it is their subreaper, so all of them end up as its children."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloche.runner.groups import Groups

_MAX_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class End:
    """How the first process ended: an exit code, or a signal."""

    code: int
    signal: int


class Family:
    """The first process and whatever came of it. ``sealed``: a process namespace whose end is the end of all.

    ``cpu_s`` and ``peak_memory_bytes`` (the largest process's) are what those have used that were collected.
    """

    def __init__(self, first: int, groups: Groups, *, sealed: bool) -> None:
        self._first = first
        self._groups = groups
        self._sealed = sealed
        self.end: End | None = None
        self.cpu_s = 0.0
        self.peak_memory_bytes = 0

    def reap(self) -> bool:
        """Collect whoever has died; False when nobody is left."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.cpu_s += used.ru_utime + used.ru_stime
            self.peak_memory_bytes = max(self.peak_memory_bytes, used.ru_maxrss * 1024)
            if pid == self._first:
                killed = os.WIFSIGNALED(status)
                self.end = End(
                    code=-1 if killed else os.WEXITSTATUS(status),
                    signal=os.WTERMSIG(status) if killed else 0,
                )

    def ask(self) -> None:
        """SIGTERM to the first process's group, or to itself while it has none yet."""
        try:
            os.killpg(self._first, signal.SIGTERM)
        except ProcessLookupError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._first, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to all that can be seen now."""
        for pid in [self._first] if self._sealed else self.each():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def extinguish(self) -> None:
        """Kill until nobody is left: children of the killed become ours and are next."""
        while self.reap():
            self.kill()
            time.sleep(0.0005)

    def tasks(self) -> int:
        """How many threads there are in all of its processes, about."""
        return sum(_threads(pid) for pid in self.tree())

    def each(self) -> Iterator[int]:
        """Every process that came of the first one, even of those that start another and end at once.

        The control group is listed in one piece. Where there is none the host's processes are gone through one by one:
        who is stopped or killed as soon as it is met cannot slip away.
        """
        own = os.getpid()
        members = self._groups.members()
        # in a container the supervisor is in the group as well
        if members is None:
            return descendants(own)
        # the first joins its groups itself: until then it is in none
        first = {self._first} if self.end is None else set()
        return iter({*members, *first} - {own})

    def tree(self) -> set[int]:
        """The processes that are below this one now, as far as they can be met without stopping them."""
        own = os.getpid()
        pending, found = [own], {own}
        while pending:
            for child in children(pending.pop()):
                if child not in found:
                    found.add(child)
                    pending.append(child)
        return found - {own}


def _threads(pid: int) -> int:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/task").stat().st_nlink - 2
    return 0


def children(pid: int) -> list[int]:
    """The children of a process's threads."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_bytes().split()]
    return found


def descendants(ancestor: int) -> Iterator[int]:
    """Who comes of a process that collects orphans; at the end, nobody has come who was not met.

    Newcomers have numbers beyond the last one given when the look began, and are looked at as they come.
    """
    # the first process of a container has nobody above it, and the second may be its own
    known = {ancestor: True, 0: False} | ({} if ancestor == 1 else {1: False, 2: False})
    last = _last_given()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != ancestor and _comes_of(int(entry.name), known):
            yield int(entry.name)
    for _ in range(_MAX_ROUNDS):
        first, last = last + 1, _last_given()
        for pid in range(first, last + 1):
            if _comes_of(pid, known):
                yield pid
        if last < first:
            return


def _comes_of(pid: int, known: dict[int, bool]) -> bool:
    """Climb from parent to parent until somebody is known."""
    passed = []
    while pid not in known:
        passed.append(pid)
        parent = _parent(pid)
        if parent in passed:  # its number was given again
            parent = 0
        pid = parent
    answer = known[pid]
    known.update(dict.fromkeys(passed, answer))
    return answer


def _parent(pid: int) -> int:
    """0 for one that has gone."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        text = os.read(descriptor, 1024)
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return int(text[text.rindex(b")") + 2 :].split(None, 2)[1])


def _last_given() -> int:
    """The number of the youngest process or thread on the host."""
    return int(Path("/proc/loadavg").read_bytes().split()[-1])
