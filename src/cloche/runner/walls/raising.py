"""The order of the walls. A step that fails ends the execution: nothing degrades silently."""

import math
import os
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cloche.jobdir.orders import Level
from cloche.model.limits import Limits
from cloche.runner.walls import cell, kernel, landlock, seccomp
from cloche.runner.walls.view import View

# what an execution that shares the host's /proc may read of it: nothing of other processes
_SHARED_PROC = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "sys/kernel", "sys/vm", "uptime", "version")
# and of its own: /proc/self/net would show the host's connections
_OWN_PROC = (
    "auxv",
    "cgroup",
    "cmdline",
    "environ",
    "exe",
    "fd",
    "limits",
    "maps",
    "mountinfo",
    "mounts",
    "smaps",
    "stat",
    "statm",
    "status",
)
# queued signals and timers: the kernel counts them for all of a user, and asking an execution to stop queues one
_SIGNALS = 1024
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
_READABLE_DEVICES = ("/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """Which limits control groups enforce; what they do not is left to weaker means."""

    memory: bool = False
    processes: bool = False
    cpus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """What is prepared once a zygote. uid and gid are those seen inside.

    ``held`` are the O_PATH descriptors that ``rules`` of Landlock name. ``own_tmp``: executions have a ``/tmp`` of
    their own. ``writable``: directories that are the execution's own besides, at level LANDLOCK.
    """

    level: Level
    uid: int
    gid: int
    network: bool = False
    own_tmp: bool = False
    abi: int = 0
    filter: kernel.Filter | None = None
    held: tuple[int, ...] = ()
    rules: tuple[bytes, ...] = ()
    writable: tuple[str, ...] = ()

    @property
    def sealed(self) -> bool:
        """Every execution has a process namespace of its own."""
        return self.level is Level.FULL


def prepare(level: Level, view: View, jobs: str, *, uid: int, gid: int, network: bool) -> Walls:
    """The walls of ``level``, in the place where the executions will live. Raises OSError if the kernel has no such."""
    if level is Level.PROCESS:
        return Walls(level=level, uid=uid, gid=gid, network=network)
    abi = kernel.landlock_abi()
    if not abi:
        raise OSError("Landlock: not in this kernel, or not enabled (lsm=)")
    own = _OWN_ROOT if level is Level.FULL else tuple(f"/proc/{name}" for name in _SHARED_PROC)
    allowed = [(descriptor, landlock.READING) for descriptor in _paths((*view.readable, *own, *_READABLE_DEVICES))]
    allowed += [(descriptor, landlock.DEVICE) for descriptor in _paths(_DEVICES)]
    if level is Level.FULL:  # whose every name was chosen
        allowed += [(descriptor, landlock.LISTING) for descriptor in _paths(("/",))]
    return Walls(
        level=level,
        uid=uid,
        gid=gid,
        network=network,
        own_tmp=level is Level.FULL and not any(path.startswith("/tmp/") for path in (*view.readable, jobs)),  # noqa: S108
        abi=abi,
        filter=kernel.Filter(seccomp.assemble(kernel.machine(), network=network, shared=level is not Level.FULL)),
        held=tuple(descriptor for descriptor, _ in allowed),
        rules=tuple(landlock.rule(abi, descriptor, access) for descriptor, access in allowed),
    )


_OWN_ROOT = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/var", "/home")


def _paths(names: Sequence[str]) -> list[int]:
    found = []
    for name in names:
        try:
            found.append(os.open(name, os.O_PATH | os.O_CLOEXEC))
        except OSError:
            continue  # what cannot be reached needs no permission
    return found


@dataclass(slots=True, kw_only=True)
class Site:
    """One execution's walls under construction; the second half is known when its order has come."""

    walls: Walls
    rules: landlock.Rules | None = None
    jobdir: str = ""
    limits: Limits = field(default_factory=Limits)
    enforced: Enforced = field(default_factory=Enforced)


@dataclass(frozen=True, slots=True)
class Step:
    """A wall, or a part of one, and the levels at which it stands. ``take`` raises OSError."""

    name: str
    levels: frozenset[Level]
    take: Callable[[Site], object]


def isolate(walls: Walls) -> Site:
    """The part that needs no job."""
    site = Site(walls=walls)
    _raise(PREPARED, site)
    return site


def confine(site: Site, jobdir: str, limits: Limits, enforced: Enforced) -> None:
    """Everything else."""
    site.jobdir, site.limits, site.enforced = jobdir, limits, enforced
    _raise(ORDERED, site)


def _raise(steps: Sequence[Step], site: Site) -> None:
    for step in steps:
        if site.walls.level in step.levels:
            step.take(site)


def _begin_rules(site: Site) -> None:
    walls = site.walls
    rules = landlock.Rules(walls.abi, network=walls.network)
    rules.add(walls.rules)
    if walls.level is Level.FULL:
        rules.allow_reading("/proc")
        rules.allow_writing("/dev/shm")  # noqa: S108 - the execution's own
    else:
        rules.allow_reading(*(f"/proc/self/{name}" for name in _OWN_PROC))
        rules.allow_writing(*walls.writable)
    site.rules = rules


def _enforce_rules(site: Site) -> None:
    if site.rules is None:
        raise OSError("Landlock: no rules were made")
    site.rules.allow_reading(*cell.inputs(site.jobdir))
    site.rules.allow_writing(cell.places(site.jobdir)[0], *(("/tmp",) if site.walls.own_tmp else ()))  # noqa: S108
    site.rules.enforce()


def _filter(site: Site) -> None:
    if site.walls.filter is None:
        raise OSError("seccomp: no filter was made")
    kernel.load_filter(site.walls.filter)


def _limit(site: Site) -> None:
    limits, walls, enforced = site.limits, site.walls, site.enforced
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_SIGPENDING, _SIGNALS)
    _set(resource.RLIMIT_FSIZE, limits.file_size)
    _set(resource.RLIMIT_NOFILE, limits.open_files)
    if limits.cpu_time is not None:
        _set_cpu(math.ceil(limits.cpu_time), walls)
    if limits.memory is not None and not enforced.memory:
        # what the zygote has mapped already is not the execution's doing
        _set(resource.RLIMIT_AS, limits.memory + _mapped())
    if limits.processes is not None and not enforced.processes:
        # a user namespace counts by itself; without one the count is the user's, everywhere on the host: then this
        # only slows down what the supervisor ends as soon as it sees it
        others = 0 if walls.level is Level.FULL else _threads()
        _set(resource.RLIMIT_NPROC, limits.processes + others)
    if limits.cpus is not None and not enforced.cpus:
        _use_processors(math.ceil(limits.cpus))


def _use_processors(count: int) -> None:
    """Stay on ``count`` of the processors: whole ones only, and nothing keeps an execution from moving to others."""
    allowed = sorted(os.sched_getaffinity(0))
    if count < len(allowed):
        first = os.urandom(1)[0] % len(allowed)
        os.sched_setaffinity(0, {allowed[(first + i) % len(allowed)] for i in range(count)})


def _set(which: int, value: int | None) -> None:
    if value is not None:
        _, hard = resource.getrlimit(which)
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (lowest, lowest))


def _set_cpu(seconds: int, walls: Walls) -> None:
    """SIGXCPU tells what happened; the first process of a namespace does not get it and is killed at once."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds if walls.sealed else seconds + 1))


def _mapped() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - thousandths of a second count here
        return int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE")


def _threads() -> int:
    """Threads on the whole host: an upper bound of the user's."""
    with open("/proc/loadavg", "rb") as file:  # noqa: PTH123 - thousandths of a second count here
        return int(file.read().split()[3].partition(b"/")[2])


_EVERY = frozenset(Level)
_WALLED = frozenset({Level.FULL, Level.LANDLOCK})
_FULL = frozenset({Level.FULL})

# each step leaves what the next ones need: namespaces before capabilities go, Landlock and seccomp last, since they
# would refuse the others
PREPARED: tuple[Step, ...] = (
    Step("namespaces", _FULL, lambda _: kernel.unshare(cell.NAMESPACES)),
    Step("own places", _FULL, lambda _: cell.make_places()),
    Step("own /proc", _FULL, lambda _: cell.mount_processes()),
    Step("Landlock rules", _WALLED, _begin_rules),
)
ORDERED: tuple[Step, ...] = (
    Step("job directory", _FULL, lambda site: cell.furnish(site.jobdir, own_tmp=site.walls.own_tmp)),
    Step("user namespace", _FULL, lambda site: cell.leave_user(site.walls.uid, site.walls.gid)),
    Step("resource limits", _EVERY, _limit),
    Step("capabilities", _FULL, lambda _: kernel.drop_capabilities()),
    Step("no new privileges", _EVERY, lambda _: kernel.no_new_privileges()),
    Step("Landlock", _WALLED, _enforce_rules),
    Step("seccomp", _WALLED, _filter),
)
