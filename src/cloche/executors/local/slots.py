"""Executions that are prepared ahead: forked, behind most of their walls, waiting for one order each.

A slot is a supervisor with one execution at a time. When that has ended the supervisor, which has kept nothing of it,
prepares the next one.
"""

import contextlib
import functools
import itertools
import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from cloche.executors._processes import pids
from cloche.executors.local.groups import Group, GroupTree
from cloche.executors.local.zygote import Zygote
from cloche.jobdir import orders
from cloche.jobdir.orders import Letter, Level, Order
from cloche.model.limits import Limits
from cloche.ports.executor import Refused, Unreachable

log = structlog.get_logger(__name__)

IDLE_S = 10.0  # a slot beyond those wanted is kept for so long: more work may follow


@dataclass(slots=True, kw_only=True, eq=False)
class Slot:
    """A supervisor. ``turn`` numbers its executions; ``group`` names the present one's control groups, or is empty."""

    connection: socket.socket
    pidfd: int
    pid: int
    start_ticks: int
    group: str
    turn: int = 1
    idle_since: float = 0.0

    def discard(self) -> None:
        """Let it end when its execution has, or without one."""
        self.connection.close()
        os.close(self.pidfd)


class Slots:
    """The slots of one zygote: ``wanted`` are kept ready from the first ``start`` on.

    ``closed``: none is prepared any more.
    """

    def __init__(self, zygote: Zygote, tree: GroupTree, names: Iterator[str], level: Level, *, wanted: int) -> None:
        self._zygote = zygote
        self._tree = tree
        self._names = names
        # at level FULL the user namespace counts processes, at no cost
        self._controllers = ("memory",) if level is Level.FULL else ("memory", "pids")
        self._wanted = wanted
        self._folders = functools.cache(os.path.realpath)
        self._ready: deque[Slot] = deque()
        self._busy: set[Slot] = set()
        self._changed = threading.Condition()
        self.closed = False
        self._keeper: threading.Thread | None = None

    def start(self, jobdir: Path, limits: Limits) -> Slot:
        """Give the task to a slot; when its connection can be read ``turn_over`` is due.

        Raises Refused or Unreachable.
        """
        while (slot := self._take()) is not None:
            if self._assign(slot, jobdir, limits):
                return slot
            self._drop(slot)  # it died while it waited
        slot = self._make()
        with self._changed:
            self._busy.add(slot)
        if self._assign(slot, jobdir, limits):
            return slot
        self._drop(slot)
        raise Unreachable("the execution died before it could begin")

    def tell(self, slot: Slot, turn: int, number: int, value: int) -> None:
        """Queue a signal for the execution of that turn; nothing where it has ended. Raises OSError."""
        with self._changed:
            if slot in self._busy and slot.turn == turn:
                with contextlib.suppress(ProcessLookupError):
                    pids.queue_signal(slot.pidfd, number, value, turn=turn)

    def turn_over(self, slot: Slot) -> None:
        """The execution has ended, or its supervisor: have the next one prepared, or let go of the slot.

        The control groups of the one that has ended are the caller's.
        """
        if not self._let_go(slot):
            return  # abandoned
        if self.closed or not _is_done(slot) or not self._prepare(slot):
            slot.discard()
        elif not self._keep(slot):
            slot.discard()
            self._forget(slot)

    def close(self) -> None:
        """Let all that wait end now, and those that work at their turn: ``start`` may be about to use them."""
        with self._changed:
            self.closed = True
            ready, self._ready = list(self._ready), deque()
            self._changed.notify_all()
        for slot in ready:
            slot.discard()
        if self._keeper is not None:
            self._keeper.join()
        for slot in ready:
            self._forget(slot)

    def abandon(self, slot: Slot) -> None:
        """Nobody will see the end of its execution: let go of it. It ends when that has."""
        if self._let_go(slot):
            slot.discard()

    def _let_go(self, slot: Slot) -> bool:
        """Whether it was at work for us until now."""
        with self._changed:
            if slot not in self._busy:
                return False
            self._busy.remove(slot)
            return True

    def _take(self) -> Slot | None:
        with self._changed:
            if self._keeper is None and self._wanted > 0 and not self.closed:
                self._keeper = threading.Thread(target=self._keep_up, name="cloche-slots", daemon=True)
                self._keeper.start()
            slot = self._ready.pop() if self._ready else None
            if slot is not None:
                self._busy.add(slot)
            if len(self._ready) < self._wanted:
                self._changed.notify_all()
            return slot

    def _make(self) -> Slot:
        name = next(self._names)
        group = self._group(name)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs, contextlib.closing(group):
                pidfd = self._zygote.fork(theirs, group)
        except (Refused, Unreachable):
            ours.close()
            self._tree.remove(name)
            raise
        pid, ticks = pids.identify(pidfd)
        return Slot(connection=ours, pidfd=pidfd, pid=pid, start_ticks=ticks, group=name if group.kinds else "")

    def _group(self, name: str) -> Group:
        try:
            return self._tree.create(name, self._controllers)
        except OSError as error:
            raise Unreachable(f"no control group could be made: {error}") from None

    def _prepare(self, slot: Slot) -> bool:
        """Have the next execution of a slot forked; False if it cannot be."""
        name = next(self._names)
        try:
            group = self._group(name)
            with contextlib.closing(group):
                socket.send_fds(slot.connection, [orders.dump_groups(group.kinds)], group.descriptors)
        except (Unreachable, OSError) as error:
            log.debug("slot given up", reason=str(error))
            self._tree.remove(name)
            return False
        slot.turn += 1
        slot.group = name if group.kinds else ""
        return True

    def _assign(self, slot: Slot, jobdir: Path, limits: Limits) -> bool:
        """False if the slot is dead."""
        try:
            more = self._tree.limit(slot.group, self._to_groups(limits)) if slot.group else Group()
            folder = os.open(jobdir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self._drop(slot)
            raise Unreachable(f"the limits could not be set: {error}") from None
        order = Order(limits=limits, groups=more.kinds, turn=slot.turn)
        # as the zygote knows the place where jobs are
        letter = Letter(jobdir=f"{self._folders(jobdir.parent)}/{jobdir.name}", limits=limits)
        try:
            with contextlib.closing(more):
                socket.send_fds(slot.connection, [order.dump(), letter.dump()], [folder, *more.descriptors])
        except (BrokenPipeError, ConnectionResetError):
            return False
        finally:
            os.close(folder)
        return True

    def _to_groups(self, limits: Limits) -> Limits:
        """Joining a group may take the kernel ten milliseconds: none is joined for what is kept without it."""
        return replace(limits, processes=None) if "pids" not in self._controllers else limits

    def _drop(self, slot: Slot) -> None:
        if self._let_go(slot):
            slot.discard()
            self._forget(slot)

    def _forget(self, slot: Slot) -> None:
        if slot.group:
            self._tree.remove(slot.group)

    def _keep_up(self) -> None:
        """Keep as many ready as are wanted, and no more for long."""
        while not self.closed:
            if (surplus := self._surplus()) is not None:
                surplus.discard()
                self._forget(surplus)
            elif self._is_short() and not self._refill():
                with self._changed:  # whoever starts a task meanwhile hears the same
                    self._changed.wait_for(lambda: self.closed, IDLE_S)

    def _refill(self) -> bool:
        try:
            slot = self._make()
        except (Refused, Unreachable) as error:
            log.debug("no slot could be prepared", reason=str(error))
            return False
        if not self._keep(slot):
            slot.discard()
            self._forget(slot)
        return True

    def _is_short(self) -> bool:
        """Wait until a slot is missing, or until one has been too many for long: False."""
        with self._changed:
            patience = max(0.0, self._ready[0].idle_since + IDLE_S - time.monotonic()) if self._ready else None
            patience = patience if len(self._ready) > self._wanted else None
            self._changed.wait_for(lambda: self.closed or len(self._ready) < self._wanted, patience or IDLE_S)
            return not self.closed and len(self._ready) < self._wanted

    def _surplus(self) -> Slot | None:
        with self._changed:
            long_ago = time.monotonic() - IDLE_S
            if len(self._ready) > self._wanted and self._ready[0].idle_since <= long_ago:
                return self._ready.popleft()
            return None

    def _keep(self, slot: Slot) -> bool:
        with self._changed:
            if not self.closed:
                slot.idle_since = time.monotonic()
                self._ready.append(slot)
            return not self.closed


def _is_done(slot: Slot) -> bool:
    """Whether the supervisor said that it is ready for more; where it did not, it ends or has ended."""
    try:
        return slot.connection.recv(len(orders.DONE), socket.MSG_DONTWAIT) == orders.DONE
    except OSError:
        return False


class GroupNames:
    """Names for control groups that say whose they are; a server has an executor a mode, and each has its own."""

    def __init__(self, server: int) -> None:
        self._prefix = f"{server}-{pids.start_ticks(server)}-{secrets.token_hex(4)}-"
        self._numbers = itertools.count()

    def __iter__(self) -> "GroupNames":
        return self

    def __next__(self) -> str:
        return f"{self._prefix}{next(self._numbers)}"

    def are_ours(self, name: str) -> bool:
        """Whether it was given here."""
        return name.startswith(self._prefix)


def is_over(name: str) -> bool:
    """Whether the server that gave the name is gone."""
    pid, _, rest = name.partition("-")
    ticks, _, _ = rest.partition("-")
    return pid.isdigit() and ticks.isdigit() and pids.start_ticks(int(pid)) != int(ticks)
