"""Which limit ended an execution, in words for clients: a pure function of what the supervisor saw."""

import os
import signal
from dataclasses import dataclass
from enum import Enum

from cloche.model.limits import Limits
from cloche.model.quantities import show_bytes


class Stopped(Enum):
    """Why the supervisor itself ended an execution."""

    RUN_TIME = "run time"
    CPU_TIME = "cpu time"
    MEMORY = "memory"
    SCRATCH = "scratch"
    FILES = "files"
    FREE_SPACE = "free space"
    PROCESSES = "processes"
    REQUEST = "request"


NO_ROOM = os.EX_CANTCREAT
"""The exit code of an execution whose result cannot be written, because the disk is full."""
NO_ROOM_TEXT = "no space left on the server"
MAX_FILES = 200_000  # in the work directory, where scratch is limited: many empty files fill a disk as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of an execution that has ended. ``signal`` is 0 if it exited by itself."""

    code: int
    signal: int = 0
    stopped: Stopped | None = None
    oom_kills: int = 0
    denied_forks: int = 0
    cpu_s: float = 0.0
    largest_file: int = 0


def breach(limits: Limits, seen: Seen) -> str:
    """The exceeded limit in words, or an empty text: none, or the execution succeeded in spite of it."""
    if (words := _of_supervisor(limits, seen.stopped)) is not None:
        return words
    if seen.stopped is Stopped.REQUEST or (seen.code == 0 and seen.signal == 0):
        return ""
    return _from_kernel(limits, seen)


def _of_supervisor(limits: Limits, stopped: Stopped | None) -> str | None:
    """Limits that nobody but the supervisor looks after; None: it ended nothing for one of them."""
    match stopped:
        case Stopped.RUN_TIME:
            return f"run time limit of {show_seconds(limits.run_time or 0)} exceeded"
        case Stopped.SCRATCH:
            return f"work directory limit of {show_bytes(limits.scratch or 0)} exceeded"
        case Stopped.FILES:
            return f"work directory limit of {MAX_FILES} files exceeded"
        case Stopped.FREE_SPACE:
            return "the server's disk is nearly full"
        case Stopped.PROCESSES:
            return f"process limit of {limits.processes} exceeded"
        case _:
            return None


def _from_kernel(limits: Limits, seen: Seen) -> str:
    """Limits that the kernel enforces: it refuses or kills, the traces tell which."""
    if seen.oom_kills or seen.stopped is Stopped.MEMORY:
        return f"memory limit of {show_bytes(limits.memory or 0)} exceeded"
    if limits.cpu_time and (seen.stopped is Stopped.CPU_TIME or _killed_for_cpu(limits.cpu_time, seen)):
        return f"CPU time limit of {show_seconds(limits.cpu_time)} exceeded"
    if seen.code == NO_ROOM:
        return NO_ROOM_TEXT
    if limits.file_size and (seen.signal == signal.SIGXFSZ or seen.largest_file >= limits.file_size):
        return f"file size limit of {show_bytes(limits.file_size)} exceeded"
    if seen.denied_forks:
        return f"process limit of {limits.processes} exceeded"
    return ""


def _killed_for_cpu(limit: float, seen: Seen) -> bool:
    # the first process of a namespace gets no SIGXCPU, only the SIGKILL that follows; the kernel kills by its own
    # clock's ticks, which on a busy virtual machine run ahead of what is accounted afterwards
    return seen.signal == signal.SIGXCPU or (seen.signal == signal.SIGKILL and seen.cpu_s >= 0.5 * limit)


def show_seconds(seconds: float) -> str:
    """A duration for people: ``600`` as ``10 min``, ``5400`` as ``1.5 h``."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:g} s"
