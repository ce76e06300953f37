"""The docker executor (``ports.executor.Executor``, ``Pausable`` and ``ports.describer.Describer``)."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import structlog

from cloche.executors._processes import pids
from cloche.executors.docker import places, recipe, slots
from cloche.executors.docker.daemon import Daemon, Denied, Missing, Seen
from cloche.executors.docker.descriptions import Descriptions
from cloche.executors.docker.following import Followed
from cloche.executors.docker.handles import Occupied
from cloche.executors.docker.places import Places
from cloche.executors.docker.reaper import Reaper
from cloche.executors.docker.recipe import Kind, Surroundings
from cloche.executors.docker.settings import DockerSettings
from cloche.executors.docker.slots import Maker, Names, Pool, Slot
from cloche.jobdir import orders
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import HOLD, Hold, Letter, Order, Ready
from cloche.model.codec import CodecError
from cloche.model.limits import Limits
from cloche.ports.describer import PackageDescription
from cloche.ports.executor import Handle, Phase, Refused, Sighting, Task, Unreachable

log = structlog.get_logger(__name__)

_TRIES = 3
_CLOSE_TIMEOUT_S = 5.0
_ARRIVAL_S = 3.0
_STILL_S = 0.25
_OVERDUE_S = 2.0  # after the grace has passed, until the supervisor is no longer trusted to end the task
_PHASES = {"running": Phase.RUNNING, "paused": Phase.PAUSED, "removing": Phase.RUNNING, "restarting": Phase.RUNNING}


class DockerExecutor:
    """Executions in containers. ``name`` is the mode's."""

    def __init__(self, settings: DockerSettings) -> None:
        """The daemon may be away: it is asked when it is needed. Raises OSError where ``folder`` is of no use."""
        self.name = settings.name
        self._settings = settings
        self._daemon = Daemon(
            settings.host, call_timeout_s=settings.call_timeout_s, start_timeout_s=settings.start_timeout_s
        )
        self._places = Places(settings.folder, settings.user)
        self._places.check()
        owner = places.identity(settings.folder)
        self._names = Names()
        self._reaper = Reaper(
            self._daemon, self._places, owner, is_job=self._may_be_a_jobs, is_over=self._names.is_over
        )
        around = Surroundings(
            user=settings.user or (os.getuid(), os.getgid()),
            network=settings.network,
            runtime=settings.runtime,
            scratch=settings.scratch,
            labels=((recipe.OWNER, owner), (recipe.BOOT, pids.boot_id())),
        )
        self._maker = Maker(
            self._daemon,
            self._places,
            self._reaper,
            around,
            self._names,
            start_timeout_s=settings.start_timeout_s,
        )
        self._descriptions = Descriptions(settings, self._daemon, self._maker)
        self._followed = Followed()
        self._lock = threading.Lock()
        self._gates: dict[str, threading.Lock] = {}
        self._pools: dict[Kind, Pool] = {}
        self._overdue: dict[str, float] = {}
        self._used: dict[str, Slot] = {}
        self._closed = False
        self._sweep()

    # Describer

    def describe(self, package: str) -> PackageDescription:
        return self._descriptions.describe(package)

    def fingerprint(self, package: str) -> str:
        return self._descriptions.fingerprint(package)

    def look(self, limits: Limits) -> Ready | None:
        """What the runner in the image says of itself, in a container with ``limits``; None: nothing of sense.

        Raises Missing, Denied, Refused, Unreachable.
        """
        kind = Kind(image=self._daemon.image(self._settings.image), package="", **recipe.sized(limits))
        output, _ = self._maker.run(kind, ("look",))
        try:
            return orders.load(Ready, output or b"")
        except (CodecError, ValueError):
            return None

    # Executor

    def start(self, task: Task) -> Handle:
        with self._gate(task.key):
            found = self.find(task.key, task.jobdir) or self._evicted(task)
            if found is not None:
                return self._followed.adopt(found)
            if task.network and self._settings.network is None:
                raise Refused("the process needs the network, which executions do not have here")
            pool = self._pool(self._kind(task))
            for _ in range(_TRIES):
                slot = pool.take()
                if self._assign(slot, task):
                    return self._begun(slot, task)
                # it died under our hands; whether it began before is told by what it left
                if (found := self._evicted(task)) is not None:
                    return self._followed.adopt(found)
        raise Unreachable("containers ended before the execution could begin")

    def find(self, key: str, jobdir: Path) -> Handle | None:
        holder, layout = places.holder(jobdir), Layout(jobdir)
        # an end without a beginning: there was no room on the disk to begin
        if holder is None or not (os.path.lexists(layout.started) or os.path.lexists(layout.exit)):
            return None
        return Occupied(holder=holder, jobdir=jobdir).handle(key)

    def poll(self, handles: Iterable[Handle]) -> Mapping[Handle, Sighting]:
        wanted = list(handles)
        dead = {handle for handle in wanted if self._followed.is_dead(handle.key)}
        seen = {handle: self._obituary(handle) for handle in dead}
        if len(dead) == len(wanted):
            return seen
        try:
            listed = {one.id: one for one in self._daemon.labelled(self._reaper.label)}
        except (Missing, Denied) as error:
            raise Unreachable(str(error)) from None
        return seen | {handle: self._sight(handle, listed) for handle in wanted if handle not in dead}

    def stop(self, handle: Handle, *, grace: timedelta) -> None:
        if self._followed.is_dead(handle.key):
            return
        due = time.monotonic() + grace.total_seconds() + _OVERDUE_S
        with self._lock:
            due = self._overdue[handle.key] = min(due, self._overdue.get(handle.key, due))
        container = Occupied.of(handle).holder.container
        with self._answers(container):
            if time.monotonic() > due:
                self._daemon.signal(container, signal.SIGKILL)
            elif not self._followed.tell(Occupied.of(handle), signal.SIGTERM, round(grace.total_seconds() * 1000)):
                self._daemon.signal(container, signal.SIGTERM if grace else signal.SIGKILL)
            if self._daemon.inspect(container).state == "paused":
                self._daemon.unpause(container)

    # Pausable: the supervisor stops its clock and holds the execution still; the daemon freezes both

    def pause(self, handle: Handle) -> None:
        occupied = Occupied.of(handle)
        wish = Hold.STILL if self._settings.pause_stops_clock else Hold.STILL_ON_TIME
        if self._followed.tell(occupied, HOLD, wish):
            _await(Layout(occupied.jobdir).paused, _STILL_S)
        with self._answers(occupied.holder.container, "paused"):
            self._daemon.pause(occupied.holder.container)

    def resume(self, handle: Handle) -> None:
        occupied = Occupied.of(handle)
        self._followed.tell(occupied, HOLD, Hold.GO_ON)  # heard when the container thaws
        with self._answers(occupied.holder.container, "running"):
            self._daemon.unpause(occupied.holder.container)

    def collect(self, handle: Handle, into: Path) -> None:
        """Nothing to do: the job directory is mounted, results are written where the server reads."""

    def release(self, handle: Handle) -> None:
        container = Occupied.of(handle).holder.container
        self._reaper.discard(container, container)
        self._followed.forget(handle.key)
        with self._lock:
            self._overdue.pop(handle.key, None)
            self._gates.pop(handle.key, None)
            slot = self._used.pop(handle.key, None)
        if slot is not None:
            slot.attached.close()
            self._reaper.settle(slot.name)

    def listen(self, on_change: Callable[[str], None]) -> None:
        self._followed.on_change = on_change

    def close(self) -> None:
        with self._lock:
            self._closed = True
            pools, self._pools = list(self._pools.values()), {}
            used, self._used = list(self._used.values()), {}
        for slot in used:
            slot.attached.close()
            self._reaper.settle(slot.name)
        for pool in pools:
            pool.close()
        self._reaper.close(_CLOSE_TIMEOUT_S)
        self._followed.close()
        self._daemon.close()

    # starting

    @contextlib.contextmanager
    def _gate(self, key: str) -> Iterator[None]:
        """One start of a task at a time."""
        with self._lock:
            gate = self._gates.setdefault(key, threading.Lock())
        with gate:
            yield

    def _kind(self, task: Task) -> Kind:
        try:
            version = self._descriptions.version(task.package, task.image)
        except Missing as error:
            text = "The container image of this process is missing on this server."
            raise Refused(text, detail=f"{task.package}: {error}") from None
        except Denied as error:
            raise Refused(slots.UNMADE, detail=f"{task.package}: {error}") from None
        return Kind(
            image=version.image,
            package=task.package,
            network=task.network,
            code=version.code,
            state=version.state,
            **recipe.sized(task.limits),
        )

    def _pool(self, kind: Kind) -> Pool:
        """The pool of the kind; pools of what the package was before are closed."""
        with self._lock:
            found = self._pools.get(kind)
            if found is not None:
                return found
            stale = [old for old in self._pools if _is_older(old, kind)]
            closing = [self._pools.pop(old) for old in stale]
            wanted = 0 if self._closed else self._settings.prepared
            found = self._pools[kind] = Pool(
                self._maker, self._reaper, kind, wanted=wanted, idle_s=self._settings.idle_s
            )
        for pool in closing:
            pool.close()
        return found

    def _assign(self, slot: Slot, task: Task) -> bool:
        """Give the task to the slot; False if the slot is dead."""
        try:
            self._places.hand_over(slot.name, task.jobdir)
        except OSError as error:
            self._drop(slot)
            self._reaper.discard(slot.name)
            raise Unreachable(f"the job directory could not be handed over: {error}") from None
        order, letter = Order(limits=task.limits), Letter(jobdir=recipe.JOB, limits=task.limits)
        try:
            slot.attached.send(order.dump() + letter.dump() + b"\n")
            line = slot.attached.line(self._settings.confirm_timeout_s)
        except OSError:
            line = b""
        if line == orders.STARTED:
            return True
        self._drop(slot)
        self._reaper.settle(slot.name)
        if line is None:
            raise Unreachable("the container did not say whether it got its order")
        return False

    def _drop(self, slot: Slot) -> None:
        slot.attached.close()
        if slot.pidfd is not None:
            os.close(slot.pidfd)

    def _begun(self, slot: Slot, task: Task) -> Handle:
        """What is left of the slot is let go of when the execution has ended: it would have to wait for it now."""
        with self._lock:
            self._used[task.key] = slot
        self._followed.begin(task.key, slot.holder.container, slot.pidfd)
        return Occupied(holder=slot.holder, jobdir=task.jobdir).handle(task.key)

    def _evicted(self, task: Task) -> Handle | None:
        """End the container that has the task's directory and has not begun; the task if it has begun after all.

        Nobody holds its standard input any more: its order arrives now, or it ends by itself. Only what does neither is
        removed by force.
        """
        holder = places.holder(task.jobdir)
        if holder is None:
            return None
        until = time.monotonic() + _ARRIVAL_S
        try:
            while self._runs(holder.container) and time.monotonic() < until:
                if (found := self.find(task.key, task.jobdir)) is not None:
                    return found
                time.sleep(0.02)
            self._daemon.remove(holder.container)
        except (Missing, Denied) as error:
            raise Unreachable(f"container {holder.container[:12]} cannot be removed: {error}") from None
        return self.find(task.key, task.jobdir)

    def _runs(self, container: str) -> bool:
        try:
            return self._daemon.inspect(container).state in _PHASES
        except Missing:
            return False

    # following

    def _sight(self, handle: Handle, listed: Mapping[str, Seen]) -> Sighting:
        occupied = Occupied.of(handle)
        container = occupied.holder.container
        seen = listed.get(container)
        if seen is None:
            return Sighting(phase=Phase.GONE, detail=f"container {container[:12]} is not there any more")
        phase = _PHASES.get(seen.state)
        if phase is None:
            return self._obituary(handle)
        self._followed.adopt(handle)
        if os.path.lexists(Layout(occupied.jobdir).paused):
            phase = Phase.PAUSED  # the server died before it could ask the daemon as well
        return Sighting(phase=phase, detail=f"container {container[:12]}: {seen.words}")

    def _obituary(self, handle: Handle) -> Sighting:
        """How a container ended, asked only where its supervisor left no word of it."""
        occupied = Occupied.of(handle)
        container = occupied.holder.container
        words = f"container {container[:12]} has ended"
        if not os.path.lexists(Layout(occupied.jobdir).exit):
            with contextlib.suppress(Missing, Denied, Unreachable):
                inside = self._daemon.inspect(container)
                words = f"container {container[:12]} ended with code {inside.exit_code}"
                words += ", out of memory" if inside.oom else f", {inside.error}" if inside.error else ""
        return Sighting(phase=Phase.GONE, detail=words)

    # ending

    @contextlib.contextmanager
    def _answers(self, container: str, state: str = "") -> Iterator[None]:
        """What the daemon denies is no error where there is nothing left to do: it has ended, or is in that state."""
        try:
            yield
        except Missing:
            return
        except Denied as denied:
            try:
                now = self._daemon.inspect(container).state
            except Missing:
                return
            except Denied as error:
                raise Unreachable(str(error)) from None
            if now == state or now not in ("running", "paused"):
                return
            raise Unreachable(f"container {container[:12]} is {now}: {denied}") from None

    # sweeping

    def _may_be_a_jobs(self, seen: Seen) -> bool:
        """Whether the container may be somebody's although this server did not make it, or has given it to a job."""
        if self._followed.has(seen.id):
            return True
        name = seen.labels.get(recipe.SLOT, "")
        if name and not self._names.are_ours(name) and not self._names.is_over(name):
            return True  # another server's over the same data: its successor is looking at it
        return bool(name) and seen.state in _PHASES and not self._places.is_held(name)

    def _sweep(self) -> None:
        try:
            self._reaper.sweep()
        except (Missing, Denied, Unreachable) as error:
            log.warning("container daemon unreachable", mode=self.name, reason=str(error))


def _await(path: Path, timeout: float) -> None:
    """Wait for a file, but no longer than that."""
    until = time.monotonic() + timeout
    while not os.path.lexists(path) and time.monotonic() < until:
        time.sleep(0.002)


def _is_older(old: Kind, new: Kind) -> bool:
    """Whether the package of ``old`` has another image or other code now."""
    return old.package == new.package and (old.image, old.state) != (new.image, new.state)
