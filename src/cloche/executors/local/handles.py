"""Which process a handle means, proven before anything is believed or done."""

import ctypes
import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from cloche.jobdir.layout import Layout
from cloche.ports.executor import Handle

_PIDFD_SEND_SIGNAL = 424  # the same number on every machine
_SIGINFO_BYTES = 128
_SENT_BY_QUEUE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """A supervisor of this boot: the start time tells it from a later process of the same number.

    ``group`` names the control groups of its execution, or is empty.
    """

    pid: int
    start_ticks: int
    boot: str
    jobdir: Path
    group: str = ""

    def handle(self, key: str) -> Handle:
        """As text, for the store."""
        native = f"{self.pid} {self.start_ticks} {self.boot} {self.group or '-'} {self.jobdir}"
        return Handle(key=key, native=native)

    @staticmethod
    def of(handle: Handle) -> "Supervisor":
        """Raises ValueError if the text is none of ours."""
        pid, ticks, boot, group, jobdir = handle.native.split(" ", 4)
        return Supervisor(
            pid=int(pid),
            start_ticks=int(ticks),
            boot=boot,
            jobdir=Path(jobdir),
            group="" if group == "-" else group,
        )


def alive(supervisor: Supervisor, boot: str) -> bool:
    """Whether the very process runs, by the process table or else by the lock that only it can hold."""
    return supervisor.boot == boot and (_runs(supervisor) or _locked(Layout(supervisor.jobdir).lock))


def pidfd(supervisor: Supervisor, boot: str) -> int | None:
    """A descriptor of the very process, or None if it does not run."""
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


def identify(descriptor: int) -> tuple[int, int]:
    """Process id and start time of whom a pidfd stands for, in the kernel's words; (-1, 0): it has gone already."""
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    pid = next((int(line[4:]) for line in text.splitlines() if line.startswith("Pid:")), -1)
    return pid, start_ticks(pid) or 0


def start_ticks(pid: int) -> int | None:
    """When a process was started, or None if there is none of that number."""
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


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


def queue_signal(descriptor: int, number: int, value: int) -> None:
    """Send a signal with a number to the process of a pidfd. Raises OSError."""
    info = struct.pack("<iiiiiiq", number, 0, _SENT_BY_QUEUE, 0, os.getpid(), os.getuid(), value)
    buffer = ctypes.create_string_buffer(info, _SIGINFO_BYTES)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(_PIDFD_SEND_SIGNAL), descriptor, number, ctypes.byref(buffer), 0) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"pidfd_send_signal: {os.strerror(code)}")


def _runs(supervisor: Supervisor) -> bool:
    fields = _stat(supervisor.pid)
    return fields is not None and fields[0] not in (b"Z", b"X") and int(fields[19]) == supervisor.start_ticks


def _stat(pid: int) -> list[bytes] | None:
    """The fields of ``/proc/PID/stat`` from the third on: state first, start time at 19."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return text[text.rindex(b")") + 2 :].split()


def _locked(path: Path) -> bool:
    """Whether another process holds the supervisor's lock. Opening it can neither block nor lead elsewhere."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
