"""What a container daemon can do for executions: asked of it, and tried in a container."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cloche.executors.docker.daemon import Daemon, Denied, Missing
from cloche.executors.docker.descriptions import NO_IMAGE
from cloche.executors.docker.executor import DockerExecutor
from cloche.executors.docker.settings import DockerSettings
from cloche.jobdir.orders import Level, Ready
from cloche.model.limits import Limits
from cloche.ports.executor import Refused, Unreachable

_TRIAL = Limits(memory=256 << 20, cpus=1.0, processes=32)
_KEPT = {"MemoryLimit": "memory", "CpuCfsQuota": "cpus", "PidsLimit": "processes"}
_CALL_TIMEOUT_S = 5.0
_TRIAL_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Containers:
    """``missing`` says why executions in containers do not work here, or is empty: they do.

    ``daemon`` describes it, ``limits`` says for memory, processors and processes whether it keeps them; ``inside`` is
    what the runner in the image said, ``notes`` what is weaker than it could be.
    """

    missing: str = ""
    daemon: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)
    inside: Ready | None = None
    notes: tuple[str, ...] = ()


def probe(settings: DockerSettings, version: str) -> Containers:
    """Ask the daemon, and run the runner in a container of every image. ``version`` is Cloche's here."""
    daemon = Daemon(settings.host, call_timeout_s=_CALL_TIMEOUT_S, start_timeout_s=_TRIAL_TIMEOUT_S)
    try:
        said, info = daemon.version(), daemon.info()
        found = Containers(daemon=_described(said, info, settings.runtime), limits=_limits(info))
    except (Missing, Denied, Unreachable) as error:
        return Containers(missing=str(error))
    finally:
        daemon.close()
    if settings.runtime and settings.runtime not in (info.get("Runtimes") or {}):
        known = ", ".join(sorted(info.get("Runtimes") or {}))
        return replace(found, missing=f"the daemon knows no runtime {settings.runtime!r}; it has: {known}")
    images = dict.fromkeys(image for image in (settings.image, *dict(settings.packages).values()) if image)
    if not images:
        return replace(found, missing=f"{NO_IMAGE}; see `cloche image`")
    notes: dict[str, None] = {}
    inside = None
    for image in images:
        try:
            inside = _try(replace(settings, image=image))
        except (OSError, Missing, Denied, Refused, Unreachable) as error:
            return replace(found, missing=(error.detail if isinstance(error, Refused) else "") or str(error))
        if inside is None:
            return replace(found, missing=f"image {image} holds no runner of Cloche; see `cloche image`")
        notes |= dict.fromkeys(f"{image}: {note}" for note in _notes(inside, version, info))
    return replace(found, inside=inside, notes=tuple(notes))


def _try(settings: DockerSettings) -> Ready | None:
    with _executor(settings) as executor:
        return executor.look(_TRIAL)


@contextmanager
def _executor(settings: DockerSettings) -> Iterator[DockerExecutor]:
    with tempfile.TemporaryDirectory(prefix="cloche-trial-") as folder:
        executor = DockerExecutor(replace(settings, folder=Path(folder) / "slots", start_timeout_s=_TRIAL_TIMEOUT_S))
        try:
            yield executor
        finally:
            executor.close()


def _described(said: Mapping[str, Any], info: Mapping[str, Any], runtime: str) -> str:
    name = ((said.get("Platform") or {}).get("Name") or "").strip()
    components = [str(one.get("Name", "")) for one in said.get("Components") or ()]
    kind = "podman" if "podman" in " ".join([name, *components]).lower() else "docker"
    groups = f"control groups version {info.get('CgroupVersion', '?')} ({info.get('CgroupDriver', '?')})"
    used = runtime or info.get("DefaultRuntime") or "its own choice"
    return f"{kind} {said.get('Version', '?')}, API {said.get('ApiVersion', '?')}, runtime {used}, {groups}"


def _limits(info: Mapping[str, Any]) -> dict[str, str]:
    return {what: "control group" if info.get(name) else "not kept by this daemon" for name, what in _KEPT.items()}


def _notes(inside: Ready, version: str, info: Mapping[str, Any]) -> Iterator[str]:
    if inside.level is not Level.LANDLOCK:
        yield "no Landlock inside: an execution could forge its own exit record, and no more than that"
    if inside.version != version:
        yield f"the image holds Cloche {inside.version}, this server is {version}: build it anew"
    security = " ".join(map(str, info.get("SecurityOptions") or ()))
    if "seccomp" not in security:
        yield "the daemon filters no system calls (seccomp)"
    if info.get("CgroupVersion") == "1" and "rootless" in security:
        yield "a rootless daemon on version 1 of control groups keeps no limits"
