"""Watches the disk for one execution: what it keeps in its work directory, and what is left for everybody else.

Between two looks an execution can write as much as the kernel takes. How soon the next look is due depends on how much
would do harm. Free space is asked for at each, at next to no cost; the directory is walked when it is time, or when so
much has gone from the disk that it might all be the execution's.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection

from cloche.model.limits import Limits
from cloche.runner.breaches import MAX_FILES, Stopped
from cloche.runner.scratch import Volume, measure, nameless

FASTEST = 4 << 30
"""Bytes that an execution may write in a second, at the utmost: the kernel's memory takes no more."""
LONGEST_S = 0.25
SHORTEST_S = 0.01
_SHARE = 10  # walking costs at most a tenth of the time


class DiskWatch:
    """``members`` names the execution's processes: they may hold files that they have removed.

    ``walked``: names that the execution has given have been read.
    """

    def __init__(self, folder: str, limits: Limits, members: Callable[[], Collection[int]]) -> None:
        self._folder = folder
        self._limit = limits.scratch
        self._reserve = limits.free_space or 0
        self._members = members
        self._free = _free(folder)
        self._room = limits.scratch or 0
        self._walk_at = time.monotonic() + LONGEST_S
        self._rest_until = 0.0
        self.walked = False
        self.due = None if self._limit is None and not self._reserve else time.monotonic() + self._pause(self._free)

    def look(self) -> Stopped | None:
        """Why the execution has to end, or None; sets ``due``, the time of the next look."""
        now = time.monotonic()
        free = _free(self._folder)
        stopped = None
        if free < self._reserve:
            stopped = self._share_out(free)
        elif self._limit is not None and self._may_be_full(now, free):
            stopped = self._judge(self._walk(now, free, self._limit), self._limit)
        self.due = now + self._pause(free)
        return stopped

    def _may_be_full(self, now: float, free: int) -> bool:
        if now >= self._walk_at:
            return True
        return self._free - free >= self._room and now >= self._rest_until

    def _share_out(self, free: int) -> Stopped | None:
        """Too little is left: whoever holds more than that ends, the greediest first therefore.

        A quarter of the reserve is the server's: where that is touched everybody ends, also who hides what it holds.
        """
        left = max(0, free - self._reserve // 4)
        volume = self._walk(time.monotonic(), free, left)
        return Stopped.FREE_SPACE if volume.size >= left else None

    def _walk(self, begin: float, free: int, enough: int) -> Volume:
        self.walked = True
        with contextlib.suppress(OSError):
            volume = measure(self._folder, max_bytes=enough, max_files=MAX_FILES)
            if not volume.passes(enough, MAX_FILES):
                device = os.stat(self._folder).st_dev  # noqa: PTH116 - see supervisor
                volume.size += nameless(self._members(), lambda status: status.st_dev == device)
            took = time.monotonic() - begin
            self._free = free
            self._room = max(0, (self._limit or 0) - volume.size)
            self._walk_at = begin + max(LONGEST_S, _SHARE * took)
            self._rest_until = begin + 2 * took
            return volume
        return Volume()

    def _judge(self, volume: Volume, limit: int) -> Stopped | None:
        if not volume.passes(limit, MAX_FILES):
            return None
        return Stopped.SCRATCH if volume.size > limit else Stopped.FILES

    def _pause(self, free: int) -> float:
        """Seconds until an execution that writes as fast as can be might have done harm."""
        spent = max(0, self._free - free)
        rooms = [] if self._limit is None else [self._room - spent]
        rooms += [free - self._reserve] if self._reserve else []
        return min(LONGEST_S, max(SHORTEST_S, min(rooms, default=0) / FASTEST))


def _free(folder: str) -> int:
    """Bytes that are left on the disk for everybody."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
