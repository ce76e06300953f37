"""The processes that a supervisor answers for: it is their subreaper, so all of them end up as its children."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from cloche.runner.groups import Groups


@dataclass(frozen=True, slots=True)
class End:
    """How the first process ended: an exit code, or a signal."""

    code: int
    signal: int


class Family:
    """The first process and whatever came of it. ``sealed``: a process namespace whose end is the end of all."""

    def __init__(self, first: int, groups: Groups, *, sealed: bool) -> None:
        self._first = first
        self._groups = groups
        self._sealed = sealed
        self.end: End | None = None

    def reap(self) -> bool:
        """Collect whoever has died; False when nobody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
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
        for pid in [self._first] if self._sealed else self.seen():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def extinguish(self) -> None:
        """Kill until nobody is left: children of the killed become ours and are next."""
        while self.reap():
            self.kill()
            time.sleep(0.0005)

    def tasks(self) -> int:
        """How many threads there are in all of its processes."""
        return sum(_threads(pid) for pid in self.seen())

    def seen(self) -> list[int]:
        """Every process that came of the first one and has not been collected."""
        own = os.getpid()
        pending, seen = [own], {own}
        while pending:
            for child in children(pending.pop()):
                if child not in seen:
                    seen.add(child)
                    pending.append(child)
        return [pid for pid in {*seen, *self._groups.members()} if pid != own]


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
