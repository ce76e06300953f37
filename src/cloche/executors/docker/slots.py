"""Containers that are prepared ahead: made, started, their package imported, waiting for one order each."""

import os
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import structlog

from cloche.executors._processes import pids
from cloche.executors.docker import places, recipe
from cloche.executors.docker.daemon import Daemon, Denied, Missing
from cloche.executors.docker.places import Holder, Places
from cloche.executors.docker.reaper import LEAD_S, Reaper
from cloche.executors.docker.recipe import Kind, Surroundings
from cloche.executors.docker.stream import Attached
from cloche.jobdir import orders
from cloche.jobdir.orders import Ready
from cloche.model.codec import CodecError
from cloche.ports.executor import Refused, Unreachable

log = structlog.get_logger(__name__)

_CLOSE_TIMEOUT_S = 10.0
BROKEN = "The package of this process is broken; the operator finds the error in the server's log."
UNMADE = "No container could be made for this process; the operator finds the error in the server's log."
NO_ROOM = "No container could be made for this process: the disk of the container engine is full."


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One container that waits. ``name`` is its directory's as well; ``pidfd`` None: it cannot be seen from here."""

    name: str
    attached: Attached
    holder: Holder
    pidfd: int | None

    def alive(self) -> bool:
        """Whether an order could still reach it."""
        return self.attached.alive()


class Maker:
    """Makes slots, one after the other or several at once, from any thread."""

    def __init__(
        self,
        daemon: Daemon,
        dirs: Places,
        reaper: Reaper,
        around: Surroundings,
        names: "Names",
        *,
        start_timeout_s: float,
    ) -> None:
        self._daemon = daemon
        self._places = dirs
        self._reaper = reaper
        self._around = around
        self._start_timeout_s = start_timeout_s
        self._boot = pids.boot_id()
        self._names = names

    def make(self, kind: Kind) -> Slot:
        """A slot that is ready. Raises Refused, Unreachable; whatever was begun is removed, now or later."""
        name = self._names.new()
        self._reaper.expect(name)
        try:
            return self._make(name, kind)
        except (Missing, Denied) as error:
            self._reaper.discard(name)
            raise refusal(kind, error) from None
        except OSError as error:
            self._reaper.discard(name)
            raise Unreachable(f"a directory for a container could not be made: {error}") from None
        except BaseException:
            self._reaper.discard(name)
            raise

    def run(self, kind: Kind, command: tuple[str, ...]) -> tuple[bytes | None, str]:
        """Run the runner's ``command`` without a job.

        Returns what it wrote on standard output (None: no end in time) and on standard error.
        Raises Refused, Unreachable.
        """
        name = self._names.new()
        self._reaper.expect(name)
        try:
            container, attached = self._begin(name, kind, command, None)
            try:
                self._daemon.start(container)
                return attached.rest(self._start_timeout_s), attached.said()
            finally:
                attached.close()
        except (Missing, Denied) as error:
            raise refusal(kind, error) from None
        finally:
            self._reaper.discard(name)

    def _begin(self, name: str, kind: Kind, command: tuple[str, ...], directory: Path | None) -> tuple[str, Attached]:
        body = recipe.container(name, kind, self._around, command, directory)
        container = self._daemon.create(name, body)
        return container, self._daemon.attach(container)

    def _make(self, name: str, kind: Kind) -> Slot:
        directory = self._places.make(name)
        command = ("idle", kind.package, *(["network"] if kind.network else []))
        container, attached = self._begin(name, kind, command, directory)
        try:
            # before it runs: a container whose directory still says so has no job
            places.note(directory, Holder(container=container, boot=self._boot))
            self._daemon.start(container)
            self._await(kind, attached)
            pid = self._daemon.inspect(container).pid
            pidfd, ticks = proven(pid, container)
            holder = Holder(container=container, boot=self._boot, pid=0 if pidfd is None else pid, start_ticks=ticks)
            places.note(directory, holder)
        except BaseException:
            attached.close()
            raise
        return Slot(name=name, attached=attached, holder=holder, pidfd=pidfd)

    def _await(self, kind: Kind, attached: Attached) -> None:
        line = attached.line(self._start_timeout_s)
        if line is None:
            raise Unreachable(f"the container was not ready within {self._start_timeout_s:g} s")
        if not line:
            raise Refused(UNMADE, detail=f"{kind.package}: the container ended at once: {attached.said()}")
        try:
            ready = orders.load(Ready, line)
        except (CodecError, ValueError) as error:
            raise Refused(UNMADE, detail=f"{kind.image} holds no runner of ours: {error}") from None
        if ready.problem:
            raise Refused(BROKEN, detail=f"{kind.package}: {ready.problem}")


def refusal(kind: Kind, error: Missing | Denied) -> Refused:
    """Why a daemon that answers makes no such container, for clients and for operators."""
    if isinstance(error, Missing):
        text = "The container image of this process is missing on this server."
        return Refused(text, detail=f"{kind.package}: {error}")
    full = "no space left" in str(error).lower()
    return Refused(NO_ROOM if full else UNMADE, detail=f"{kind.package}: {error}")


def proven(pid: int, container: str) -> tuple[int | None, int]:
    """A pidfd and the start time of a container's first process; (None, 0): it is not in our sight.

    Only a daemon on this host, in our process namespace, gives numbers that mean anything here: the process must be in
    control groups of the container's name.
    """
    if pid <= 1:
        return None, 0
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None, 0
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        groups = ""
    ticks = pids.start_ticks(pid)
    if container in groups and ticks is not None:
        return descriptor, ticks
    os.close(descriptor)
    return None, 0


class Names:
    """Names for containers and their directories that say which server made them, and which executor of it."""

    def __init__(self) -> None:
        pid = os.getpid()
        self._prefix = f"cloche-{pid}-{pids.start_ticks(pid)}-{uuid.uuid4().hex[:8]}-"

    def new(self) -> str:
        """One that was never given."""
        return self._prefix + uuid.uuid4().hex[:16]

    def are_ours(self, name: str) -> bool:
        """Whether it was given here."""
        return name.startswith(self._prefix)

    @staticmethod
    def is_over(name: str) -> bool:
        """Whether the server that gave the name is gone."""
        _, pid, ticks, _ = (*name.split("-"), "", "", "", "")[:4]
        return not (pid.isdigit() and ticks.isdigit() and pids.start_ticks(int(pid)) == int(ticks))


class Pool:
    """Slots of one kind: ``wanted`` are kept ready from the first ``take`` on, until nobody asks for ``idle_s``."""

    def __init__(self, maker: Maker, reaper: Reaper, kind: Kind, *, wanted: int, idle_s: float) -> None:
        self.kind = kind
        self._maker = maker
        self._reaper = reaper
        self._wanted = wanted
        self._idle_s = idle_s
        self._ready: deque[Slot] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._used = time.monotonic()
        self._refiller: threading.Thread | None = None

    def take(self) -> Slot:
        """A slot that waits, else one that is made now. Raises Refused, Unreachable."""
        while (slot := self._pop()) is not None:
            if slot.alive():
                return slot
            self._drop(slot)
        return self._maker.make(self.kind)

    def close(self) -> None:
        """Let all that wait end, and the thread that makes more. Idempotent."""
        with self._changed:
            self._closed = True
            refiller = self._refiller
            self._changed.notify_all()
        self._drain()
        if refiller is not None:
            refiller.join(_CLOSE_TIMEOUT_S)

    def _pop(self) -> Slot | None:
        with self._changed:
            self._used = time.monotonic()
            if self._refiller is None and self._wanted > 0 and not self._closed:
                self._refiller = threading.Thread(target=self._refill, name="cloche-containers", daemon=True)
                self._refiller.start()
            slot = self._ready.popleft() if self._ready else None
            self._changed.notify_all()
            return slot

    def _refill(self) -> None:
        while self._is_short():
            try:
                slot = self._maker.make(self.kind)
            except (Refused, Unreachable) as error:
                log.debug("no container could be prepared", reason=str(error))
                break  # whoever starts a task hears the same
            if not self._keep(slot):
                self._drop(slot)
        with self._changed:
            self._refiller = None
            idle = not self._closed and self._is_unused()
        if idle:
            self._drain()

    def _is_short(self) -> bool:
        """Wait until a slot is missing; False: no more are wanted."""
        with self._changed:
            while not self._closed and len(self._ready) >= self._wanted and not self._is_unused():
                self._changed.wait(max(0.01, self._used + self._idle_s - time.monotonic()))
            # the job that has just begun goes first
            self._changed.wait_for(lambda: self._closed, LEAD_S)
            return not self._closed and not self._is_unused()

    def _is_unused(self) -> bool:
        return time.monotonic() - self._used >= self._idle_s

    def _keep(self, slot: Slot) -> bool:
        with self._changed:
            if not self._closed:
                self._ready.append(slot)
            return not self._closed

    def _drain(self) -> None:
        with self._changed:
            ready, self._ready = list(self._ready), deque()
        for slot in ready:
            self._drop(slot)

    def _drop(self, slot: Slot) -> None:
        slot.attached.close()
        if slot.pidfd is not None:
            os.close(slot.pidfd)
        self._reaper.discard(slot.name)
