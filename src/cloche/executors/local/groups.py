"""Control groups of executions: version 2 where it was delegated to the server, version 1 where root can write it."""

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from cloche.jobdir.orders import Controller
from cloche.model.limits import Limits

log = structlog.get_logger(__name__)

_PERIOD_US = 100_000
_ROOT = Path("/sys/fs/cgroup")
_NAME = "cloche"
_PATIENCE_S = 2.0
_UNIFIED_CONTROLLERS = ("cpu", "memory", "pids")


@dataclass(frozen=True, slots=True)
class Group:
    """The open descriptors of one execution's groups, as an order wants them."""

    kinds: tuple[Controller, ...] = ()
    descriptors: tuple[int, ...] = ()

    def close(self) -> None:
        """Let go of the descriptors; the groups stay."""
        for descriptor in self.descriptors:
            os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTree:
    """Where groups are made: version 1 by controller, or version 2; ``missing`` says why nowhere."""

    hierarchies: Mapping[str, Path] = field(default_factory=dict)
    unified: Path | None = None
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

    def create(self, key: str, limits: Limits) -> Group:
        """Groups for one execution with its limits set. Raises OSError."""
        if self.unified is not None:
            return _create_unified(self.unified / key, limits)
        return _create_hierarchies(self.hierarchies, key, limits)

    def remove(self, key: str) -> None:
        """End what still lives in the groups of ``key`` and remove them. Idempotent."""
        for folder in self._folders(key):
            _remove(folder)

    def _folders(self, key: str) -> Iterator[Path]:
        if self.unified is not None:
            yield self.unified / key
        for folder in self.hierarchies.values():
            yield folder / key


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
    """Hand the controllers down; processes may only live in leaves, so ours move to one if they are in the way."""
    control = folder / "cgroup.subtree_control"
    if set(_UNIFIED_CONTROLLERS) <= set(control.read_text().split()):
        return
    wanted = " ".join(f"+{name}" for name in _UNIFIED_CONTROLLERS)
    try:
        control.write_text(wanted)
    except OSError:
        leaf = folder / f"{_NAME}-server"
        leaf.mkdir(exist_ok=True)
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(pid)
        control.write_text(wanted)


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
        except OSError as error:
            reason = f"version 1 cannot be written ({error.strerror})"
    return GroupTree(hierarchies=found, missing="" if found else reason)


def _create_unified(folder: Path, limits: Limits) -> Group:
    knobs = {
        "memory.max": limits.memory,
        "memory.swap.max": None if limits.memory is None else 0,
        "memory.oom.group": None if limits.memory is None else 1,
        "pids.max": limits.processes,
        "cpu.max": None if limits.cpus is None else f"{_quota(limits.cpus)} {_PERIOD_US}",
    }
    _make(folder, knobs, optional=("memory.swap.max", "memory.oom.group"))
    return _opened([(folder, Controller.UNIFIED)])


def _create_hierarchies(tops: Mapping[str, Path], key: str, limits: Limits) -> Group:
    """Only the hierarchies that a limit needs: each costs a fifth of a millisecond."""
    made: list[tuple[Path, Controller]] = []
    if "memory" in tops and limits.memory is not None:
        both = {"memory.limit_in_bytes": limits.memory, "memory.memsw.limit_in_bytes": limits.memory}
        _make(tops["memory"] / key, both, optional=("memory.memsw.limit_in_bytes",))
        made.append((tops["memory"] / key, Controller.MEMORY))
    if "pids" in tops and limits.processes is not None:
        _make(tops["pids"] / key, {"pids.max": limits.processes})
        made.append((tops["pids"] / key, Controller.PIDS))
    if "cpu" in tops and limits.cpus is not None:
        _make(tops["cpu"] / key, {"cpu.cfs_period_us": _PERIOD_US, "cpu.cfs_quota_us": _quota(limits.cpus)})
        made.append((tops["cpu"] / key, Controller.CPU))
    if "cpuacct" in tops and limits.cpu_time is not None:
        _make(tops["cpuacct"] / key, {})
        made.append((tops["cpuacct"] / key, Controller.CPU_ACCOUNT))
    return _opened(made)


def _quota(cpus: float) -> int:
    return max(1000, math.ceil(cpus * _PERIOD_US))


def _make(folder: Path, knobs: Mapping[str, object], *, optional: tuple[str, ...] = ()) -> None:
    folder.mkdir(exist_ok=True)
    for name, value in knobs.items():
        if value is None:
            continue
        try:
            (folder / name).write_text(str(value))
        except FileNotFoundError:
            if name not in optional:
                raise


def _opened(folders: list[tuple[Path, Controller]]) -> Group:
    """Descriptors: the right to join is checked here, with the server's rights, not when it is used."""
    kinds: list[Controller] = []
    descriptors: list[int] = []
    for folder, kind in folders:
        descriptors.append(os.open(folder / "cgroup.procs", os.O_RDWR | os.O_CLOEXEC))
        kinds.append(Controller.PROCS)
        descriptors.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        kinds.append(kind)
    return Group(tuple(kinds), tuple(descriptors))


def _remove(folder: Path) -> None:
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
            _kill_all(folder)
            time.sleep(0.002)
        else:
            return


def _kill_all(folder: Path) -> None:
    """Only orphans can be here: whoever releases a group has seen the end of its supervisor."""
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
