"""Threads that take turns at short pieces of work."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger("cloche.engine")

PATIENCE_S = 0.05
"""How long work waits for a thread that is at something else: longer than that takes on a machine that is busy."""


@dataclass(frozen=True, slots=True)
class _Piece:
    call: Callable[..., object]
    arguments: tuple[object, ...]
    since: float = field(default_factory=time.monotonic)


class Crew:
    """One thread does what there is to do, piece after piece, as long as it gets on; more join where it does not.

    Threads that are at work at once wait for each other's turn at the interpreter, which costs more than the work
    itself where that is short. Threads are daemons, so that a server can end while one waits for a slow network.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: deque[_Piece] = deque()
        self._members: list[_Member] = []
        self._idle: list[_Member] = []
        self._lock = threading.Lock()
        self._closing = False
        self._waiting = threading.Event()
        self._lookout = threading.Thread(target=self._look_out, name="cloche-engine-lookout", daemon=True)

    @property
    def threads(self) -> tuple[str, ...]:
        """Names of those that live."""
        with self._lock:
            threads = [self._lookout, *(member.thread for member in self._members)]
        return tuple(thread.name for thread in threads if thread.is_alive())

    def submit(self, call: Callable[..., object], *arguments: object) -> None:
        """Call it in a thread, soon; nothing after ``close``. What it raises is logged."""
        piece = _Piece(call, arguments)
        with self._lock:
            if self._closing:
                return
            self._queue.append(piece)
            begins = not self._gets_on(piece.since) and self._call_up()
            if not begins or len(self._queue) > 1:
                self._alert()

    def close(self, *, timeout: float) -> None:
        """Drop what has not begun, and wait for what has, ``timeout`` seconds at most."""
        with self._lock:
            self._closing = True
            self._queue.clear()
            while self._idle:
                self._idle.pop().wake()
        self._waiting.set()
        deadline = time.monotonic() + timeout
        for member in self._members:
            member.thread.join(max(0.0, deadline - time.monotonic()))
        if self._lookout.ident is not None:
            self._lookout.join(max(0.0, deadline - time.monotonic()))

    def _gets_on(self, now: float) -> bool:
        """Whether somebody is at work, and not at the same piece for long."""
        return any(member.since is not None and now - member.since < PATIENCE_S for member in self._members)

    def _alert(self) -> None:
        """Have somebody look out for what waits. The caller holds the lock."""
        if self._waiting.is_set() or (self._lookout.ident is None and not _started(self._lookout)):
            return
        self._waiting.set()

    def _call_up(self) -> bool:
        """Whether there is one more at work now. The caller holds the lock."""
        if self._idle:
            member = self._idle.pop()
            member.since = time.monotonic()
            member.wake()
            return True
        if len(self._members) == self._size:
            return False
        member = _Member(self._next, f"cloche-engine-{len(self._members)}")
        member.since = time.monotonic()
        if not _started(member.thread):
            return False
        self._members.append(member)
        return True

    def _next(self, member: "_Member") -> _Piece | None:
        """What a member does now; None: there is no more, ever."""
        while True:
            with self._lock:
                if self._queue:
                    member.since = time.monotonic()
                    return self._queue.popleft()
                if self._closing:
                    return None
                member.since = None
                self._idle.append(member)
            member.rest()

    def _look_out(self) -> None:
        """See to it that nothing waits for long, whatever the others are at."""
        while not self._closing:
            self._waiting.wait()
            with self._lock:
                if not self._queue:
                    self._waiting.clear()
                    continue
                late = time.monotonic() - PATIENCE_S
                overdue = sum(piece.since <= late for piece in self._queue)
                while overdue > 0 and self._call_up():
                    overdue -= 1
                left = self._queue[0].since - late
            time.sleep(left if left > 0 else PATIENCE_S)


def _started(thread: threading.Thread) -> bool:
    """False where the host has no thread to give: others go on meanwhile."""
    try:
        thread.start()
    except RuntimeError as error:
        log.warning("no thread could be started", reason=str(error))
        return False
    return True


class _Member:
    """A thread. ``since``: when it began its piece; None: it rests."""

    def __init__(self, next_piece: "Callable[[_Member], _Piece | None]", name: str) -> None:
        self.since: float | None = None
        self.thread = threading.Thread(target=self._toil, name=name, daemon=True)
        self._next = next_piece
        self._woken = threading.Lock()
        self._woken.acquire()

    def wake(self) -> None:
        """Have it look for work, out of its rest."""
        self._woken.release()

    def rest(self) -> None:
        """Until it is woken."""
        self._woken.acquire()

    def _toil(self) -> None:
        while (piece := self._next(self)) is not None:
            try:
                piece.call(*piece.arguments)
            except BaseException:  # a member that left would keep its place
                log.exception("work failed", call=getattr(piece.call, "__qualname__", piece.call))
            del piece  # a waiting thread keeps nothing alive
