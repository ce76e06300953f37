"""The control groups of one execution, through descriptors that came with the order: joined by it, read by others."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cloche.jobdir.orders import HOLDING, Controller
from cloche.runner.walls.raising import Enforced


@dataclass(frozen=True, slots=True)
class Groups:
    """Descriptors by what they are; version 1 has several hierarchies, version 2 one; none where there are none."""

    procs: tuple[int, ...] = ()
    memory: int | None = None
    pids: int | None = None
    cpu: int | None = None
    accounting: int | None = None
    unified: int | None = None
    freeze: int | None = None
    frozen: int | None = None
    thawed: int | None = None

    @staticmethod
    def of(kinds: Sequence[Controller], descriptors: Sequence[int]) -> "Groups":
        """Descriptors as an order names them."""
        if len(kinds) != len(descriptors):
            raise ValueError(f"{len(kinds)} descriptors were announced, {len(descriptors)} came")
        if not HOLDING.issuperset(kinds) and Controller.PROCS not in kinds:
            raise ValueError("control groups that cannot be joined")
        pairs = list(zip(kinds, descriptors, strict=True))
        single = dict(pairs)
        return Groups(
            procs=tuple(descriptor for kind, descriptor in pairs if kind is Controller.PROCS),
            memory=single.get(Controller.MEMORY),
            pids=single.get(Controller.PIDS),
            cpu=single.get(Controller.CPU),
            accounting=single.get(Controller.CPU_ACCOUNT),
            unified=single.get(Controller.UNIFIED),
            freeze=single.get(Controller.FREEZE),
            frozen=single.get(Controller.FROZEN),
            thawed=single.get(Controller.THAWED),
        )

    def descriptors(self) -> tuple[int, ...]:
        """All of them, to keep open."""
        others = (self.memory, self.pids, self.cpu, self.accounting, self.unified)
        holding = (self.freeze, self.frozen, self.thawed)
        return (*self.procs, *(d for d in (*others, *holding) if d is not None))

    def close(self) -> None:
        """Let go of them."""
        for descriptor in self.descriptors():
            os.close(descriptor)

    def enforced(self) -> Enforced:
        """Which limits these groups keep."""
        unified = self.unified is not None
        return Enforced(
            memory=unified or self.memory is not None,
            processes=unified or self.pids is not None,
            cpus=unified or self.cpu is not None,
        )

    def admit(self, pid: int) -> None:
        """Put a process of one thread into every group: what it starts from now on is in them as well.

        0 is the caller. In version 1 this is the way that costs nothing: the kernel waits ten milliseconds until nobody
        forks or ends before it moves anybody else.
        """
        for descriptor in self.procs:
            os.write(descriptor, b"%d" % pid)

    def with_more(self, more: "Groups") -> "Groups":
        """These and ``more``."""
        return Groups(
            procs=(*self.procs, *more.procs),
            memory=self.memory if more.memory is None else more.memory,
            pids=self.pids if more.pids is None else more.pids,
            cpu=self.cpu if more.cpu is None else more.cpu,
            accounting=self.accounting if more.accounting is None else more.accounting,
            unified=self.unified if more.unified is None else more.unified,
            freeze=self.freeze,
            frozen=self.frozen,
            thawed=self.thawed,
        )

    def members(self) -> list[int] | None:
        """Process ids of what lives in the groups now; None where there are none.

        Opened anew: version 1 shows to who keeps the file open what was there before.
        """
        folders = (self.unified, self.memory, self.pids, self.cpu, self.accounting)
        folder = next((descriptor for descriptor in folders if descriptor is not None), None)
        return None if folder is None else [int(word) for word in _text(folder, "cgroup.procs").split()]

    def is_frozen(self) -> bool:
        """Version 2: whether nothing in the group runs any more."""
        return self.unified is not None and _field(self.unified, "cgroup.events", "frozen") == 1

    def oom_kills(self) -> int:
        """How often the kernel killed in the groups for want of memory."""
        if self.unified is not None:
            return _field(self.unified, "memory.events", "oom_kill")
        return _field(self.memory, "memory.oom_control", "oom_kill") if self.memory is not None else 0

    def denied_forks(self) -> int:
        """How often a process or thread was refused."""
        if self.unified is not None:
            return _field(self.unified, "pids.events", "max")
        return _field(self.pids, "pids.events", "max") if self.pids is not None else 0

    def peak_memory(self) -> int | None:
        """The most memory used at once, in bytes."""
        if self.unified is not None:
            return _number(self.unified, "memory.peak")
        return _number(self.memory, "memory.max_usage_in_bytes") if self.memory is not None else None

    def cpu_s(self) -> float | None:
        """Processor time of all processes so far, in seconds."""
        if self.unified is not None:
            return _field(self.unified, "cpu.stat", "usage_usec") / 1e6
        if self.accounting is not None:
            nanoseconds = _number(self.accounting, "cpuacct.usage")
            return None if nanoseconds is None else nanoseconds / 1e9
        return None


def _text(directory: int, name: str) -> str:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return ""  # older kernels have fewer files
    try:
        text = b""
        while piece := os.read(descriptor, 1 << 14):
            text += piece
        return text.decode()
    finally:
        os.close(descriptor)


def _field(directory: int, name: str, key: str) -> int:
    for line in _text(directory, name).splitlines():
        word, _, value = line.partition(" ")
        if word == key:
            return int(value)
    return 0


def _number(directory: int, name: str) -> int | None:
    with contextlib.suppress(ValueError):
        return int(_text(directory, name))
    return None
