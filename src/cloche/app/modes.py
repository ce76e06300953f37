"""Which modes work on this host, and the one that ``auto`` means."""

import resource
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from cloche.app import containers
from cloche.app.hosts import CannotServe, owner
from cloche.app.overrides import DividedDescriber
from cloche.app.settings import DOCKER, MODES, Settings
from cloche.executors.local.capabilities import Capabilities, probe
from cloche.executors.local.executor import LocalExecutor
from cloche.executors.local.settings import LocalSettings
from cloche.jobdir.orders import Level
from cloche.ports.describer import Describer
from cloche.ports.executor import Executor, Pausable

log = structlog.get_logger("cloche.modes")

LEVELS = {"multiprocessing": (Level.PROCESS,), "sandbox": (Level.FULL, Level.LANDLOCK)}
"""How strong each mode is: the strongest of its levels that works here."""
KINDS: Mapping[str, type[Executor]] = dict.fromkeys(LEVELS, LocalExecutor)
"""What executes in each mode."""
WALLS = {
    Level.FULL: "namespaces, read-only root, Landlock, seccomp",
    Level.LANDLOCK: "Landlock, seccomp; no namespaces",
    Level.PROCESS: "an own process and limits; no walls",
}
_DESCRIPTORS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """``default`` names the executor of every process that has no mode of its own."""

    default: str
    executors: Mapping[str, Executor]
    describer: Describer


def can_pause(mode: str) -> bool:
    """Whether executions of that mode can be held still. Containers can; their library may not be there to be asked."""
    return mode == DOCKER or (mode in KINDS and issubclass(KINDS[mode], Pausable))


def local_settings(settings: Settings, jobs: Path) -> LocalSettings:
    """What all modes of this machine have in common. Raises CannotServe."""
    return LocalSettings(
        name="",
        level=Level.PROCESS,
        jobs=jobs,
        user=owner(settings),
        readable=settings.processing.readablepaths,
        hidden=(settings.server.datadir, *settings.processing.hiddenpaths),
        network=settings.processing.network,
        pause_stops_clock=not settings.processing.pausedclock,
    )


def allow_descriptors() -> None:
    """Let this process and its zygotes have more open files than any execution.

    The kernel counts descriptors on their way between processes for all of a user together, and lets nobody send any
    whose own limit is below the count: an execution could keep every zygote of its user from answering.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def opened(settings: Settings, jobs: Path, slots: Path) -> Iterator[Modes]:
    """The executors of every mode that works here. ``slots`` is for prepared containers, beside ``jobs``.

    Raises CannotServe where the mode of the settings does not work.
    """
    allow_descriptors()
    common = local_settings(settings, jobs)
    found = probe(common)
    levels = {mode: found.strongest(*LEVELS[mode]) for mode in MODES}
    default = _choose(settings.processing.mode, levels, found)
    with ExitStack() as stack:
        local = {
            mode: LocalExecutor(replace(common, name=mode, level=level))
            for mode, level in levels.items()
            if level is not None
        }
        for executor in local.values():
            stack.callback(executor.close)
        if not containers.are_wanted(settings):
            yield Modes(default=default, executors=local, describer=local[default])
            return
        docker = containers.opened(settings, slots)
        stack.callback(docker.close)
        others = local.get(default, docker)
        describer = DividedDescriber(docker, others, settings.packages)
        yield Modes(default=default, executors={**local, DOCKER: docker}, describer=describer)


def _choose(wanted: str, levels: Mapping[str, Level | None], found: Capabilities) -> str:
    """The mode of the settings, or the strongest that works; said in the log."""
    if wanted == DOCKER:
        log.info("mode", mode=wanted, reason="set in [processing] mode", walls=containers.WALLS)
        return wanted
    chosen = wanted if wanted != "auto" else next((mode for mode in reversed(MODES) if levels[mode]), MODES[-1])
    level = levels[chosen]
    if level is None:
        raise CannotServe(f"mode {chosen} does not work here: {missing(chosen, found)}; see `cloche doctor`")
    reason = "set in [processing] mode" if wanted != "auto" else "auto: the strongest that works here"
    note = log.warning if level is Level.PROCESS or found.missing[Level.FULL] else log.info
    note(
        "mode",
        mode=chosen,
        reason=reason,
        walls=WALLS[level],
        groups=found.groups,
        weaker=_weaker(chosen, level, found),
    )
    return chosen


def missing(mode: str, found: Capabilities) -> str:
    """Why a mode does not work, in the words of its strongest level."""
    return next((found.missing[level] for level in LEVELS[mode] if found.missing[level]), "")


def _weaker(mode: str, level: Level, found: Capabilities) -> str:
    """What stands in the way of stronger walls, or nothing."""
    if mode == "multiprocessing":
        return missing("sandbox", found)
    return "" if level is Level.FULL else found.missing[Level.FULL]
