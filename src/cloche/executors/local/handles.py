"""Which process a handle means, proven before anything is believed or done."""

import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from cloche.executors._processes import pids
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import supervisor_name
from cloche.ports.executor import Handle

_FLOCK = "hhqqi"  # struct flock on machines of 64 bits: type, whence, start, length, process


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """A supervisor of this boot: the start time tells it from a later process of the same number.

    ``turn`` tells the execution from others of the same supervisor; ``group`` names its control groups, or is empty.
    """

    pid: int
    start_ticks: int
    boot: str
    turn: int
    jobdir: Path
    group: str = ""

    def handle(self, key: str) -> Handle:
        """As text, for the store."""
        native = f"{self.pid} {self.start_ticks} {self.boot} {self.turn} {self.group or '-'} {self.jobdir}"
        return Handle(key=key, native=native)

    @staticmethod
    def of(handle: Handle) -> "Supervisor":
        """Raises ValueError if the text is none of ours."""
        pid, ticks, boot, turn, group, jobdir = handle.native.split(" ", 5)
        return Supervisor(
            pid=int(pid),
            start_ticks=int(ticks),
            boot=boot,
            turn=int(turn),
            jobdir=Path(jobdir),
            group="" if group == "-" else group,
        )


def alive(supervisor: Supervisor, boot: str) -> bool:
    """Whether it is at that turn, by the process table or else by the lock that only it can hold."""
    return supervisor.boot == boot and (_runs(supervisor) or _locked(Layout(supervisor.jobdir).lock))


def pidfd(supervisor: Supervisor, boot: str) -> int | None:
    """A descriptor of the very process, or None if it is not at that turn."""
    if supervisor.boot != boot or supervisor.pid <= 1:
        return None
    try:
        descriptor = os.pidfd_open(supervisor.pid)
    except OSError:
        return None
    # looked at after the descriptor was had: now it cannot be another's
    if _runs(supervisor):
        return descriptor
    os.close(descriptor)
    return None


def _runs(supervisor: Supervisor) -> bool:
    found = pids.status(supervisor.pid)
    if found is None:
        return False
    same = found.state not in (b"Z", b"X") and found.start_ticks == supervisor.start_ticks
    return same and (found.name == supervisor_name(supervisor.turn) or not _has_begun(supervisor.jobdir))


def _has_begun(jobdir: Path) -> bool:
    """Whether the order was read: the server that sent it may have died before its supervisor was scheduled.

    The record of the end counts too: code without walls may remove the other one, but is dead when this one is written.
    """
    layout = Layout(jobdir)
    return os.path.lexists(layout.started) or os.path.lexists(layout.exit)


def _locked(path: Path) -> bool:
    """Whether another process holds the supervisor's lock. Opening it can neither block nor lead elsewhere.

    The lock is not tried: a supervisor that wants it in that moment would take us for another of its job, and give up.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
