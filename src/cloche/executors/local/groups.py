"""Control groups of executions: version 2 where it was delegated to the server, version 1 where root can write it."""

import contextlib
import errno
import math
import os
import signal
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from cloche.executors.local.freezer import Freezer
from cloche.jobdir.orders import Controller
from cloche.model.limits import Limits

log = structlog.get_logger(__name__)

_PERIOD_US = 100_000
_ROOT = Path("/sys/fs/cgroup")
_NAME = "cloche"
_PATIENCE_S = 2.0
YOUNG_S = 30.0
"""How long a fork may take at most, on a machine that does nothing else any more."""
# absent where the kernel does not account swap, or is older
_OPTIONAL = ("memory.swap.max", "memory.oom.group", "memory.memsw.limit_in_bytes")
_UNIFIED_CONTROLLERS = ("cpu", "memory", "pids")


@dataclass(frozen=True, slots=True)
class Group:
    """The open descriptors of one execution's groups, as an order wants them."""

    kinds: tuple[Controller, ...] = ()
    descriptors: tuple[int, ...] = ()

    def with_more(self, kinds: tuple[Controller, ...], descriptors: tuple[int, ...]) -> "Group":
        """These and others."""
        return Group((*self.kinds, *kinds), (*self.descriptors, *descriptors))

    def close(self) -> None:
        """Let go of the descriptors; the groups stay."""
        for descriptor in self.descriptors:
            os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTree:
    """Where groups are made: version 1 by controller, or version 2; ``missing`` says why nowhere.

    ``freezer``: what executions are held still with in version 1.
    """

    hierarchies: Mapping[str, Path] = field(default_factory=dict)
    unified: Path | None = None
    freezer: Freezer | None = None
    missing: str = ""

    @staticmethod
    def open(setting: str | None, *, root: Path = _ROOT) -> "GroupTree":
        """The tree that works here. ``setting`` None looks for it, a path is taken, an empty text is none."""
        if setting == "":
            return GroupTree(missing="switched off by setting")
        if setting is not None:
            return _open_unified(Path(setting))
        own = _own_unified(root)
        tree = _open_unified(own) if own is not None else GroupTree(missing="version 2 is not mounted")
        if tree.unified is not None:
            return tree
        older = _open_hierarchies(root)
        return older if older.hierarchies else GroupTree(missing=f"{tree.missing}; {older.missing}")

    def describe(self) -> str:
        """For people."""
        if self.unified is not None:
            return f"version 2 in {self.unified}"
        if self.hierarchies:
            return f"version 1: {', '.join(sorted(self.hierarchies))}"
        return f"none: {self.missing}"

    def limits(self, controller: str) -> bool:
        """Whether ``memory``, ``cpu`` or ``pids`` is enforced by groups."""
        return self.unified is not None or controller in self.hierarchies

    def create(self, name: str, controllers: Collection[str]) -> Group:
        """Groups without limits, for an execution that is prepared, in these ``controllers``. Raises OSError."""
        if self.unified is not None:
            return _with_knob(_made([(self.unified / name, Controller.UNIFIED)]), self.unified / name)
        group = self._joined(name, controllers)
        if self.freezer is None:
            return group
        try:
            descriptors = self.freezer.descriptors()
        except OSError:
            group.close()
            raise
        return group.with_more((Controller.FROZEN, Controller.THAWED), descriptors)

    def limit(self, name: str, limits: Limits) -> Group:
        """Set the limits; the groups that are wanted for them beyond those that there are. Raises OSError."""
        if self.unified is not None:
            _set_unified(self.unified / name, limits)
            return Group()
        more = [c for c in _wanted(limits) if c in self.hierarchies and not (self.hierarchies[c] / name).exists()]
        group = self._joined(name, more)
        try:
            for controller, top in self.hierarchies.items():
                _set_hierarchy(controller, top / name, limits)
        except OSError:
            group.close()
            raise
        return group

    def remove(self, name: str) -> None:
        """End what still lives in the groups of that name and remove them. Idempotent."""
        for top in self._tops():
            _remove(top / name, self.freezer)

    def sweep(self, is_over: Callable[[str], bool], *, young: float | None = None) -> bool:
        """Remove empty groups of whose name ``is_over`` says that nobody will; whether all of them are gone.

        A group is made before anybody lives in it: one that is not older than ``young`` seconds (None: ``YOUNG_S``) may
        be of an execution that is just being forked, for a server that died in the meantime.
        """
        gone = True
        for top in self._tops():
            for folder in top.iterdir():
                if folder.is_dir() and is_over(folder.name):
                    gone &= _swept(folder, YOUNG_S if young is None else young)
        return gone

    def held_by(self) -> str:
        """What holds executions still, for people."""
        if self.unified is not None:
            return "cgroup.freeze"
        return "freezer of version 1" if self.freezer is not None else "SIGSTOP to every process"

    def _joined(self, name: str, controllers: Collection[str]) -> Group:
        wanted = [c for c in controllers if c in self.hierarchies]
        return _made([(self.hierarchies[c] / name, Controller(c)) for c in wanted])

    def _tops(self) -> list[Path]:
        return [self.unified] if self.unified is not None else list(self.hierarchies.values())


def _swept(folder: Path, young: float) -> bool:
    try:
        if abs(time.time() - folder.stat().st_ctime) < young:
            return False
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # somebody lives in it: an execution that is still to be adopted, or never will be
        return False
    return True


def _own_unified(root: Path) -> Path | None:
    """The server's own group in version 2."""
    mounted = next((p for p in (root, root / "unified") if (p / "cgroup.controllers").exists()), None)
    if mounted is None:
        return None
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return mounted / line[3:].lstrip("/")
    return None


def _open_unified(own: Path) -> GroupTree:
    try:
        offered = (own / "cgroup.controllers").read_text().split()
        lacking = [name for name in _UNIFIED_CONTROLLERS if name not in offered]
        if lacking:
            return GroupTree(missing=f"version 2 offers no {', '.join(lacking)} in {own}")
        _enable(own)
        jobs = own / _NAME
        jobs.mkdir(exist_ok=True)
        _enable(jobs)
    except OSError as error:
        return GroupTree(missing=f"version 2 is not delegated ({error})")
    return GroupTree(unified=jobs)


def _enable(folder: Path) -> None:
    """Hand the controllers down; processes may only live in leaves, so ours move to one if they are in the way.

    Raises OSError, also where others live in the group, as in a login session: they are not ours to move.
    """
    control = folder / "cgroup.subtree_control"
    if set(_UNIFIED_CONTROLLERS) <= set(control.read_text().split()):
        return
    wanted = " ".join(f"+{name}" for name in _UNIFIED_CONTROLLERS)
    try:
        control.write_text(wanted)
    except OSError:
        members = [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
        if not all(_is_ours(pid) for pid in members):
            raise PermissionError(errno.EPERM, "other processes live in it", str(folder)) from None
        leaf = folder / f"{_NAME}-server"
        leaf.mkdir(exist_ok=True)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(str(pid))
        control.write_text(wanted)


def _is_ours(pid: int) -> bool:
    """Whether a process is this one or came of it."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return True  # gone
    return False


def _open_hierarchies(root: Path) -> GroupTree:
    """Version 1 delegates nothing: below the hierarchies' tops, where root may write."""
    found: dict[str, Path] = {}
    reason = "version 1 is not mounted"
    for name in ("memory", "pids", "cpu", "cpuacct"):
        top = root / name
        if not (top / "cgroup.procs").exists():
            continue
        try:
            (top / _NAME).mkdir(exist_ok=True)
            if os.access(top / _NAME / "cgroup.procs", os.W_OK):
                found[name] = top / _NAME
            else:
                reason = f"version 1 cannot be written ({top / _NAME} belongs to another)"
        except OSError as error:
            reason = f"version 1 cannot be written ({error.strerror})"
    return GroupTree(hierarchies=found, freezer=Freezer.open(root), missing="" if found else reason)


def _set_unified(folder: Path, limits: Limits) -> None:
    knobs = {
        "memory.max": limits.memory,
        "memory.swap.max": None if limits.memory is None else 0,
        "memory.oom.group": None if limits.memory is None else 1,
        "pids.max": limits.processes,
        "cpu.max": None if limits.cpus is None else f"{_quota(limits.cpus)} {_PERIOD_US}",
    }
    _set(folder, knobs)


def _wanted(limits: Limits) -> list[str]:
    """Version 1: joining a hierarchy costs, so only those that a limit needs."""
    needs = {
        "memory": limits.memory,
        "pids": limits.processes,
        "cpu": limits.cpus,
        "cpuacct": limits.cpu_time,
    }
    return [name for name, limit in needs.items() if limit is not None]


def _set_hierarchy(controller: str, folder: Path, limits: Limits) -> None:
    match controller:
        case "memory" if limits.memory is not None:
            _set(folder, {"memory.limit_in_bytes": limits.memory, "memory.memsw.limit_in_bytes": limits.memory})
        case "pids" if limits.processes is not None and folder.exists():
            _set(folder, {"pids.max": limits.processes})
        case "cpu" if limits.cpus is not None:
            _set(folder, {"cpu.cfs_period_us": _PERIOD_US, "cpu.cfs_quota_us": _quota(limits.cpus)})


def _quota(cpus: float) -> int:
    return max(1000, math.ceil(cpus * _PERIOD_US))


def _set(folder: Path, knobs: Mapping[str, object]) -> None:
    for name, value in knobs.items():
        if value is None:
            continue
        try:
            (folder / name).write_text(str(value))
        except FileNotFoundError:
            if name not in _OPTIONAL:
                raise


def _made(folders: list[tuple[Path, Controller]]) -> Group:
    """Descriptors: the right to join is checked here, with the server's rights, not when it is used."""
    kinds: list[Controller] = []
    descriptors: list[int] = []
    for folder, kind in folders:
        folder.mkdir(exist_ok=True)
        members = "cgroup.procs" if kind is Controller.UNIFIED else "tasks"
        descriptors.append(os.open(folder / members, os.O_RDWR | os.O_CLOEXEC))
        descriptors.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        kinds += [Controller.PROCS, kind]
    return Group(tuple(kinds), tuple(descriptors))


def _with_knob(group: Group, folder: Path) -> Group:
    """With what freezes it, since Linux 5.2."""
    try:
        knob = os.open(folder / "cgroup.freeze", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return group
    except OSError:
        group.close()
        raise
    return group.with_more((Controller.FREEZE,), (knob,))


def _remove(folder: Path, freezer: Freezer | None) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > until:
                log.warning("control group stays", folder=str(folder), error=str(error))
                return
            _kill_all(folder, freezer)
            time.sleep(0.002)
        else:
            return


def _kill_all(folder: Path, freezer: Freezer | None) -> None:
    """Only orphans can be here: whoever releases a group has seen the end of its supervisor.

    They may be paused; in version 1 they die when they are let go.
    """
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
                if freezer is not None:
                    freezer.thaw(int(pid))
