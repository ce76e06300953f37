"""What a set of processes uses, asked of ``/proc``: for limits that no control group keeps."""

import contextlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from cloche.runner.scratch import nameless

_PAGE = os.sysconf("SC_PAGESIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of processor time of these and of all that were collected by them."""
    return sum(map(_ticks, pids)) / _TICKS


def memory(pids: Collection[int], enough: int) -> int:
    """Bytes of memory, what is shared counted once, files that exist in memory only included.

    Sharing takes time to sort out: where even the sum of all parts is below ``enough``, that is the answer.
    """
    files = nameless(pids, lambda status: os.major(status.st_dev) == 0)  # of no disk
    resident = sum(map(_resident, pids))
    if resident + files <= enough:
        return resident + files
    private, shared = map(sum, zip(*map(_proportional, pids), strict=True))
    return private + max(shared, files)


def _ticks(pid: int) -> int:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return 0


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> tuple[int, int]:
    """A process's share of what it has mapped: anonymous, and of files in memory."""
    parts = {b"Pss_Anon:": 0, b"Pss_Shmem:": 0}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            name, _, rest = line.partition(b" ")
            if name in parts:
                parts[name] = int(rest.split()[0]) << 10
    return parts[b"Pss_Anon:"], parts[b"Pss_Shmem:"]
