"""The local executor (``ports.executor.Executor`` and ``ports.describer.Describer``)."""

import functools
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from cloche.executors._processes import pids
from cloche.executors._processes.watch import Watch
from cloche.executors.local import handles
from cloche.executors.local.fingerprint import changed_since, fingerprint, sources
from cloche.executors.local.groups import GroupTree
from cloche.executors.local.handles import Supervisor
from cloche.executors.local.settings import LocalSettings
from cloche.executors.local.slots import GroupNames, Slot, Slots, is_over
from cloche.executors.local.zygote import GivenUp, NotStarted, Zygote
from cloche.jobdir.collector import Unsafe, read_untrusted
from cloche.jobdir.files import RecordError, parse_record
from cloche.jobdir.layout import HERE, Layout
from cloche.jobdir.orders import HOLD, Hold
from cloche.jobdir.records import StartedRecord
from cloche.ports.describer import PackageBroken, PackageDescription
from cloche.ports.executor import Handle, Phase, Refused, Sighting, Task, Unreachable

log = structlog.get_logger(__name__)

_STARTED = str(HERE.started)
_MAX_STARTED_BYTES = 4096
_CLOSE_TIMEOUT_S = 5.0
_GATE_PATIENCE_S = 1.0
_HANGS_S = 2.0
SWEEP_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Kept:
    """A zygote, or why there is none, with the state of the code that it stands for."""

    fingerprint: str
    files: tuple[str, ...]
    zygote: Zygote | None
    slots: Slots | None
    problem: str

    def close(self) -> None:
        """Let zygote and slots end."""
        if self.slots is not None:
            self.slots.close()
        if self.zygote is not None:
            self.zygote.close()


@dataclass(frozen=True, slots=True)
class _Work:
    """What a slot does in one turn; of two for the same task one does nothing."""

    slots: Slots
    slot: Slot
    turn: int
    group: str


class LocalExecutor:
    """Executions as processes of this machine (``Pausable`` too). ``name`` is the mode's."""

    def __init__(self, settings: LocalSettings) -> None:
        settings.jobs.mkdir(mode=0o711, parents=True, exist_ok=True)  # zygotes look for it before the first job
        self.name = settings.name
        self._settings = settings
        self._groups = GroupTree.open(settings.groups)
        self._ending = threading.Event()
        if not self._groups.sweep(is_over):
            threading.Thread(target=self._sweep, name="cloche-groups", daemon=True).start()
        self._watch = Watch()
        self._boot = pids.boot_id()
        self._names = GroupNames(os.getpid())
        self._kept: dict[tuple[str, bool], _Kept] = {}
        self._zygotes: set[Zygote] = set()  # that have not ended, also those whose code was replaced
        self._gates: dict[tuple[str, bool], threading.Lock] = {}
        self._lock = threading.Lock()
        self._works: defaultdict[str, list[_Work]] = defaultdict(list)
        self._adopted: set[str] = set()
        self._neglected: set[str] = set()
        self._on_change: Callable[[str], None] = lambda _: None

    def _sweep(self) -> None:
        """Servers that are gone have left executions: adopted or not (a vanished data directory), they end some day."""
        while not self._ending.wait(SWEEP_EVERY_S) and not self._groups.sweep(is_over):
            pass

    # Describer

    def describe(self, package: str) -> PackageDescription:
        kept = self._described(package)
        if kept.zygote is None:
            raise PackageBroken(kept.problem)
        return PackageDescription(processes=kept.zygote.report.processes, fingerprint=kept.fingerprint)

    def fingerprint(self, package: str) -> str:
        with self._lock:
            kept = self._kept.get((package, False))
        return self._fingerprint(package, kept.files if kept else ())

    # Executor

    def start(self, task: Task) -> Handle:
        found = self.find(task.key, task.jobdir)
        if found is not None:
            return found
        if task.network and not self._settings.network:
            raise Refused("the process needs the network, which executions do not have here")
        slots, slot = self._give(task)
        supervisor = Supervisor(
            pid=slot.pid,
            start_ticks=slot.start_ticks,
            boot=self._boot,
            turn=slot.turn,
            jobdir=task.jobdir,
            group=slot.group,
        )
        self._attend(task.key, _Work(slots, slot, slot.turn, slot.group))
        return supervisor.handle(task.key)

    def find(self, key: str, jobdir: Path) -> Handle | None:
        layout = Layout(jobdir)
        try:
            data = read_untrusted(layout.root, _STARTED, max_bytes=_MAX_STARTED_BYTES)
        except FileNotFoundError:
            return None
        except (Unsafe, OSError) as error:
            raise Unreachable(f"{layout.started}: {error}") from None
        try:
            record = parse_record(StartedRecord, data, name=_STARTED)
        except RecordError:
            # not by a supervisor of ours; whether one lives is told by its lock
            record = StartedRecord(pid=0, start_ticks=0, boot=self._boot)
        supervisor = Supervisor(
            pid=record.pid, start_ticks=record.start_ticks, boot=record.boot, turn=record.turn, jobdir=jobdir
        )
        return supervisor.handle(key)

    def poll(self, handles_: Iterable[Handle]) -> Mapping[Handle, Sighting]:
        return {handle: self._sight(handle) for handle in handles_}

    def stop(self, handle: Handle, *, grace: timedelta) -> None:
        self._tell(handle, signal.SIGTERM, round(grace.total_seconds() * 1000))

    def collect(self, handle: Handle, into: Path) -> None:
        """Nothing to do: results are written where the server reads."""

    def release(self, handle: Handle) -> None:
        group = Supervisor.of(handle).group
        with self._lock:
            neglected = group in self._neglected
            self._neglected.discard(group)
        if group and (neglected or not self._names.are_ours(group)):  # others go with the execution
            self._groups.remove(group)

    def listen(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change

    def close(self) -> None:
        self._ending.set()
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
        for one in kept:
            one.close()
        with self._lock:
            zygotes = tuple(self._zygotes)
        for zygote in zygotes:
            zygote.collect(timeout=_CLOSE_TIMEOUT_S)
        self._watch.close()
        with self._lock:
            works = [work for works in self._works.values() for work in works]
        for work in works:
            work.slots.abandon(work.slot)

    # Pausable: the supervisor does it, so that a pause outlives the server

    def pause(self, handle: Handle) -> None:
        self._tell(handle, HOLD, Hold.STILL if self._settings.pause_stops_clock else Hold.STILL_ON_TIME)

    def resume(self, handle: Handle) -> None:
        self._tell(handle, HOLD, Hold.GO_ON)

    # own affairs

    def _give(self, task: Task) -> tuple[Slots, Slot]:
        """Give the task to a slot; to one with newer code where the package is replaced at that moment."""
        while True:
            kept = self._current(task.package, network=task.network)
            if kept.slots is None:
                text = "The package of this process is broken; the operator finds the error in the server's log."
                raise Refused(text, detail=f"{task.package}: {kept.problem}")
            try:
                return kept.slots, kept.slots.start(task.jobdir, task.limits)
            except Unreachable:
                if not kept.slots.closed or self._ending.is_set():
                    raise

    def _sight(self, handle: Handle) -> Sighting:
        supervisor = Supervisor.of(handle)
        with self._lock:
            ours = handle.key in self._works
            unknown = not ours and handle.key not in self._adopted
        if not ours and not handles.alive(supervisor, self._boot):
            detail = f"supervisor {supervisor.pid} has ended"
            return Sighting(phase=Phase.GONE, detail=detail if supervisor.boot == self._boot else "the host was booted")
        if unknown and (descriptor := self._own(handle)) is not None:
            self._adopt(handle.key, descriptor)
        # written when all stand still, removed before one goes on: whoever could mislead us here could do worse
        phase = Phase.PAUSED if os.path.lexists(Layout(supervisor.jobdir).paused) else Phase.RUNNING
        return Sighting(phase=phase, detail=f"supervisor {supervisor.pid}")

    def _tell(self, handle: Handle, number: int, value: int) -> None:
        """Ask the task's supervisor; nothing where it has ended."""
        with self._lock:
            at_work = tuple(self._works.get(handle.key, ()))
        try:
            for work in at_work:
                work.slots.tell(work.slot, work.turn, number, value)
            if not at_work:
                self._tell_adopted(handle, number, value)
        except OSError as error:
            raise Unreachable(f"the supervisor could not be asked: {error}") from None

    def _tell_adopted(self, handle: Handle, number: int, value: int) -> None:
        descriptor = self._own(handle)
        if descriptor is None:
            return
        try:
            pids.queue_signal(descriptor, number, value, turn=Supervisor.of(handle).turn)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)

    def _own(self, handle: Handle) -> int | None:
        """A pidfd of the task's supervisor if it is alive and runs as the executions' user."""
        supervisor = Supervisor.of(handle)
        descriptor = handles.pidfd(supervisor, self._boot)
        if descriptor is None:
            # of two that were started for the task the other one may have it
            found = self.find(handle.key, supervisor.jobdir)
            supervisor = supervisor if found is None else Supervisor.of(found)
            descriptor = handles.pidfd(supervisor, self._boot)
        if descriptor is None:
            return None
        uid = self._settings.user[0] if self._settings.user and os.getuid() == 0 else os.getuid()
        if pids.owner(supervisor.pid) == uid:
            return descriptor
        os.close(descriptor)
        return None

    def _attend(self, key: str, work: _Work) -> None:
        """Be told when the execution has ended."""
        with self._lock:
            self._works[key].append(work)
        try:
            connection = os.dup(work.slot.connection.fileno())
        except OSError as error:  # closed, with all that this executor had; or no descriptor is left
            log.warning("execution is not attended", job=key, reason=str(error))
            self._neglect(key, work)
            return
        self._watch.add(connection, functools.partial(self._ended, key, work))

    def _neglect(self, key: str, work: _Work) -> None:
        """Nobody tells of its end: it is seen as that of an earlier server's is."""
        self._forget(key, work)
        work.slots.abandon(work.slot)
        with self._lock:
            self._neglected.add(work.group)

    def _forget(self, key: str, work: _Work) -> None:
        with self._lock:
            self._works[key].remove(work)
            if not self._works[key]:
                del self._works[key]

    def _ended(self, key: str, work: _Work) -> None:
        self._forget(key, work)
        self._on_change(key)
        work.slots.turn_over(work.slot)
        if work.group:
            self._groups.remove(work.group)  # nobody may come to release it

    def _adopt(self, key: str, pidfd: int) -> None:
        """The same for an execution of an earlier server: its supervisor ends with it."""
        with self._lock:
            self._adopted.add(key)
        self._watch.add(pidfd, functools.partial(self._adopted_ended, key))

    def _adopted_ended(self, key: str) -> None:
        with self._lock:
            self._adopted.discard(key)
        self._on_change(key)

    def _current(self, package: str, *, network: bool) -> _Kept:
        """What starts executions of the package. While its code is imported anew that of before does."""
        place = (package, network)
        with self._lock:
            gate = self._gates.setdefault(place, threading.Lock())
            kept = self._kept.get(place)
        if kept is not None and kept.zygote is not None and kept.zygote.alive:
            return kept
        if not gate.acquire(timeout=_GATE_PATIENCE_S):
            raise Unreachable(f"{package} is still being imported")
        try:
            return self._renew(package, network=network, fresh=False)
        finally:
            gate.release()

    def _described(self, package: str) -> _Kept:
        """The package's zygote with its code as it is now."""
        place = (package, False)
        with self._lock:
            gate = self._gates.setdefault(place, threading.Lock())
        with gate:
            return self._renew(package, network=False, fresh=True)

    def _renew(self, package: str, *, network: bool, fresh: bool) -> _Kept:
        """Start the zygote or start it anew, where needed. The caller holds the gate."""
        place = (package, network)
        with self._lock:
            kept = self._kept.get(place)
        if kept is not None and self._fit(package, kept, fresh=fresh):
            return kept
        new = self._grow(package, kept.files if kept else (), network=network)
        with self._lock:
            self._kept[place] = new
            # one with the network is never described: it is to have the same code
            other = self._kept.pop((package, True), None) if fresh else None
        for one in (kept, other):
            if one is not None:
                one.close()
        return new

    def _fit(self, package: str, kept: _Kept, *, fresh: bool) -> bool:
        if kept.zygote is not None and not kept.zygote.alive:
            log.warning("zygote died", package=package, mode=self.name)
            return False
        # a broken package is looked at again when its code has changed
        look = fresh or kept.zygote is None
        return not look or kept.fingerprint == self._fingerprint(package, kept.files)

    def _grow(self, package: str, files: tuple[str, ...], *, network: bool) -> _Kept:
        """Import the package; ``files`` are those that it had before."""
        files = files or sources(package, self._settings.search)
        begin, state = time.time_ns(), self._fingerprint(package, files)
        try:
            zygote = self._import(package, files, state, network=network)
        except NotStarted as error:
            return _Kept(state, files, None, None, str(error))
        report = zygote.report
        state = self._fingerprint(package, report.files)
        if changed_since(begin, report.files):
            state = f"changed while imported: {state}"  # equal to nothing: the next description starts over
        if report.problem:
            zygote.kill()
            return _Kept(state, report.files, None, None, report.problem)
        with self._lock:
            self._zygotes.add(zygote)
        if (pidfd := zygote.pidfd()) is not None:
            self._watch.add(pidfd, functools.partial(self._bury, zygote))
        log.info("zygote ready", package=package, mode=self.name, processes=len(report.processes))
        slots = Slots(zygote, self._groups, self._names, self._settings.level, wanted=self._settings.prepared)
        return _Kept(state, report.files, zygote, slots, "")

    def _bury(self, zygote: Zygote) -> None:
        zygote.collect()
        with self._lock:
            self._zygotes.discard(zygote)

    def _import(self, package: str, files: tuple[str, ...], state: str, *, network: bool) -> Zygote:
        """A zygote; begun anew when the import takes long and ``state`` is no longer that of the code.

        Raises NotStarted.
        """
        hangs = time.monotonic() + _HANGS_S

        def unwanted() -> bool:
            return self._ending.is_set() or (time.monotonic() > hangs and self._fingerprint(package, files) != state)

        while True:
            try:
                return Zygote(self._settings, package, network=network, unwanted=unwanted)
            except GivenUp:
                if self._ending.is_set():
                    raise
                hangs, state = time.monotonic() + _HANGS_S, self._fingerprint(package, files)

    def _fingerprint(self, package: str, files: Iterable[str]) -> str:
        places = [*self._settings.search, *([Path(package)] if package.startswith("/") else [])]
        return fingerprint(files, places)
