"""Executions that are prepared ahead: forked, behind most of their walls, waiting for one order each."""

import contextlib
import itertools
import os
import socket
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from cloche.executors._processes import pids
from cloche.executors.local.groups import Group, GroupTree
from cloche.executors.local.zygote import Zygote
from cloche.jobdir.orders import Level, Order
from cloche.model.limits import Limits
from cloche.ports.executor import Refused, Unreachable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One execution to come. ``pidfd`` is its supervisor's; ``group`` names its control groups, or is empty."""

    connection: socket.socket
    pidfd: int
    pid: int
    start_ticks: int
    group: str

    def discard(self) -> None:
        """Let it end without an order."""
        self.connection.close()
        os.close(self.pidfd)


class Slots:
    """The slots of one zygote: ``wanted`` are kept ready from the first ``start`` on."""

    def __init__(self, zygote: Zygote, tree: GroupTree, names: Iterator[str], level: Level, *, wanted: int) -> None:
        self._zygote = zygote
        self._tree = tree
        self._names = names
        # at level FULL the user namespace counts processes, at no cost
        self._controllers = ("memory",) if level is Level.FULL else ("memory", "pids")
        self._wanted = wanted
        self._ready: deque[Slot] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._refiller: threading.Thread | None = None

    def start(self, jobdir: Path, limits: Limits) -> Slot:
        """Give the task to a slot; the slot's pidfd belongs to the caller. Raises Refused or Unreachable."""
        while (slot := self._take()) is not None:
            if self._assign(slot, jobdir, limits):
                return slot
            slot.discard()  # it died while it waited
            self._forget(slot)
        slot = self._make()
        if self._assign(slot, jobdir, limits):
            return slot
        slot.discard()
        self._forget(slot)
        raise Unreachable("the execution died before it could begin")

    def close(self) -> None:
        """Let all that wait end."""
        with self._changed:
            self._closed = True
            ready, self._ready = list(self._ready), deque()
            self._changed.notify_all()
        for slot in ready:
            slot.discard()
        if self._refiller is not None:
            self._refiller.join()
        for slot in ready:
            self._forget(slot)

    def _take(self) -> Slot | None:
        with self._changed:
            if self._refiller is None and self._wanted > 0 and not self._closed:
                self._refiller = threading.Thread(target=self._refill, name="cloche-slots", daemon=True)
                self._refiller.start()
            slot = self._ready.popleft() if self._ready else None
            self._changed.notify_all()
            return slot

    def _make(self) -> Slot:
        name = next(self._names)
        try:
            group = self._tree.create(name, self._controllers)
        except OSError as error:
            raise Unreachable(f"no control group could be made: {error}") from None
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

    def _assign(self, slot: Slot, jobdir: Path, limits: Limits) -> bool:
        """False if the slot is dead."""
        try:
            more = self._tree.limit(slot.group, self._to_groups(limits)) if slot.group else Group()
        except OSError as error:
            slot.discard()
            self._forget(slot)
            raise Unreachable(f"the limits could not be set: {error}") from None
        order = Order(jobdir=os.path.realpath(jobdir), limits=limits, groups=more.kinds)
        try:
            with contextlib.closing(more), slot.connection:
                socket.send_fds(slot.connection, [order.dump()], more.descriptors)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _to_groups(self, limits: Limits) -> Limits:
        """Joining a group may take the kernel ten milliseconds: none is joined for what is kept without it."""
        return replace(limits, processes=None) if "pids" not in self._controllers else limits

    def _forget(self, slot: Slot) -> None:
        if slot.group:
            self._tree.remove(slot.group)

    def _refill(self) -> None:
        while self._is_short():
            try:
                slot = self._make()
            except (Refused, Unreachable) as error:
                log.debug("no slot could be prepared", reason=str(error))
                return  # whoever starts a task hears the same
            if not self._keep(slot):
                slot.discard()
                self._forget(slot)

    def _is_short(self) -> bool:
        """Wait until a slot is missing; False: no more are wanted at all."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._ready) < self._wanted)
            return not self._closed

    def _keep(self, slot: Slot) -> bool:
        with self._changed:
            if not self._closed:
                self._ready.append(slot)
            return not self._closed


def group_names(server: int) -> Iterator[str]:
    """Names for control groups that say whose they are."""
    ticks = pids.start_ticks(server)
    return (f"{server}-{ticks}-{number}" for number in itertools.count())


def is_over(name: str) -> bool:
    """Whether the server that gave the name is gone."""
    pid, _, rest = name.partition("-")
    ticks, _, _ = rest.partition("-")
    return pid.isdigit() and ticks.isdigit() and pids.start_ticks(int(pid)) != int(ticks)
