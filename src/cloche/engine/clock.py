"""What time it is for deadlines that were written down: never later than can be believed."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

BELIEVED_AFTER_S = 24 * 3600.0
_DRIFT_S = 2.0


def wall() -> float:
    """Seconds since the epoch, as the host says: may jump."""
    return time.time()


def passed() -> float:
    """Seconds that have really passed since some moment, in sleep as well: never jumps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DeadlineClock:
    """The wall's clock, but for a jump forward: for a day the time that has really passed counts instead.

    So neither a clock that is set right nor one that is set wrong ends a job or takes a result before its time; what
    was dated after the jump may be ended later than it should. A jump back is followed at once. Any thread.
    """

    def __init__(self, *, wall: Callable[[], float] = wall, passed: Callable[[], float] = passed) -> None:
        self._wall = wall
        self._passed = passed
        self._lock = threading.Lock()
        self._ahead = wall() - passed()  # of the one clock before the other
        self._jumped: float | None = None

    def now(self) -> datetime:
        """In UTC."""
        return datetime.fromtimestamp(self._look()[1], UTC)

    def doubt(self) -> float:
        """How many seconds the wall's clock is ahead of this one."""
        wall, believed = self._look()
        return wall - believed

    def _look(self) -> tuple[float, float]:
        with self._lock:
            wall = self._wall()
            return wall, self._believed(wall, self._passed())

    def _believed(self, wall: float, passed: float) -> float:
        jump = wall - passed - self._ahead
        if jump <= _DRIFT_S:
            self._ahead += jump
            self._jumped = None
        elif self._jumped is None:
            self._jumped = passed
        elif passed - self._jumped >= BELIEVED_AFTER_S:
            self._ahead += jump
            self._jumped = None
        return self._ahead + passed
