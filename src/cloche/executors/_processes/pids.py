"""Processes of this host, by number, start time and descriptor."""

import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path

_PIDFD_SEND_SIGNAL = 424  # the same number on every machine
_SIGINFO_BYTES = 128
_SENT_BY_QUEUE = -1


def identify(descriptor: int) -> tuple[int, int]:
    """Process id and start time of whom a pidfd stands for, in the kernel's words; (-1, 0): it has gone already."""
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    pid = next((int(line[4:]) for line in text.splitlines() if line.startswith("Pid:")), -1)
    return pid, start_ticks(pid) or 0


def start_ticks(pid: int) -> int | None:
    """When a process was started, or None if there is none of that number."""
    found = status(pid)
    return None if found is None else found.start_ticks


def owner(pid: int) -> int | None:
    """The real user id of a process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next(line for line in text.splitlines() if line.startswith("Uid:"))
    return int(line.split()[1])


def boot_id() -> str:
    """What tells this boot of the kernel from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def queue_signal(descriptor: int, number: int, value: int, *, turn: int) -> None:
    """Send a signal with a number, for one turn of the supervisor of a pidfd. Raises OSError."""
    word = turn << 32 | value
    info = struct.pack("<iiiiiiQ", number, 0, _SENT_BY_QUEUE, 0, os.getpid(), os.getuid(), word)
    buffer = ctypes.create_string_buffer(info, _SIGINFO_BYTES)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(_PIDFD_SEND_SIGNAL), descriptor, number, ctypes.byref(buffer), 0) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"pidfd_send_signal: {os.strerror(code)}")


@dataclass(frozen=True, slots=True)
class Status:
    """Of ``/proc/PID/stat``: name, state and start time."""

    name: bytes
    state: bytes
    start_ticks: int


def status(pid: int) -> Status | None:
    """What the kernel says of a process; None: there is none of that number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    begin, end = text.index(b"("), text.rindex(b")")
    fields = text[end + 2 :].split()
    return Status(text[begin + 1 : end], fields[0], int(fields[19]))
