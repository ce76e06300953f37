"""How a family is held still: by control groups where there are some, else by signals.

Version 2 freezes the execution's own group. In version 1, where joining a group costs, one group of the server's is
frozen for ever: whoever is moved into it stands still, whoever is moved out goes on, and nothing is joined before a
pause is asked for. Elsewhere every process is stopped, again and again, until none is left that could start another.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from cloche.jobdir.orders import FROZEN_GROUP
from cloche.runner.family import Family
from cloche.runner.groups import Groups

_DEAD = frozenset("ZX")
_STOPPED = _DEAD | {"T", "t"}
_AT_REST = _STOPPED | {"D"}  # frozen, or in the kernel: it cannot return from there before it is let go


class Means(Protocol):
    """One way to hold a family. Raises OSError where it cannot."""

    def press(self, family: Family) -> bool:
        """Go on until nothing runs; False: look again soon."""
        ...

    def release(self, family: Family) -> None:
        """Let everything go on. Idempotent."""
        ...


def means_of(groups: Groups) -> Means:
    """The best that there is."""
    if groups.freeze is not None:
        return _Frozen(groups, groups.freeze)
    if groups.frozen is not None and groups.thawed is not None:
        return _Moved(groups.frozen, groups.thawed)
    return Stopped()


class _Frozen:
    """Version 2: the group of the execution. It can be killed as it is."""

    def __init__(self, groups: Groups, freeze: int) -> None:
        self._groups = groups
        self._freeze = freeze

    def press(self, family: Family) -> bool:  # noqa: ARG002 - the kernel knows whom
        os.pwrite(self._freeze, b"1", 0)
        return self._groups.is_frozen()

    def release(self, family: Family) -> None:  # noqa: ARG002
        os.pwrite(self._freeze, b"0", 0)


class _Moved:
    """Version 1: from group to group. What is killed dies when it is let go."""

    def __init__(self, frozen: int, thawed: int) -> None:
        self._frozen = frozen
        self._thawed = thawed

    def press(self, family: Family) -> bool:
        met = set()
        rest = True
        for pid in _living(family):
            met.add(pid)
            if not _is_moved(pid):
                rest = False
                _move(pid, self._frozen)
            elif not _states(pid) <= _AT_REST:
                rest = False
        return rest and met.issuperset(_living(family))

    def release(self, family: Family) -> None:
        while held := [pid for pid in family.each() if _is_moved(pid)]:
            if not sum(_move(pid, self._thawed) for pid in held):
                return  # they are dying


class Stopped:
    """By signals. A process that had been stopped by another stays so when the family goes on."""

    def __init__(self) -> None:
        self._ours: set[int] = set()

    def press(self, family: Family) -> bool:
        met = set()
        rest = True
        for pid in _living(family):
            met.add(pid)
            if not _states(pid) <= (_AT_REST if pid in self._ours else _STOPPED):
                rest = False
                self._ours.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
        return rest and met.issuperset(_living(family))

    def release(self, family: Family) -> None:
        ours, self._ours = self._ours, set()
        for pid in ours.intersection(family.each()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _move(pid: int, procs: int) -> bool:
    """Put a process with all its threads into a group; False where it has gone."""
    try:
        os.write(procs, b"%d" % pid)
    except ProcessLookupError:
        return False
    return True


def _is_moved(pid: int) -> bool:
    """Asked process by process: ``cgroup.procs`` of version 1 shows who keeps it open what was there before."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "freezer" in controllers.split(","):
                return path.rpartition("/")[2] == FROZEN_GROUP
    return False


def _living(family: Family) -> Iterator[int]:
    """Without those that have ended and wait to be collected, perhaps by one that stands still.

    Who stands still starts nothing: when all that were met do, and a second look meets nobody else, nobody will come.
    """
    return (pid for pid in family.each() if not _states(pid) <= _DEAD)


def _states(pid: int) -> set[str]:
    """The states of a process's threads, as ``/proc`` writes them."""
    found = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found.add((task / "stat").read_text().rpartition(")")[2].split()[0])
    return found
