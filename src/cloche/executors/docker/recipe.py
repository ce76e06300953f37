"""What a container is made of: a pure function of what it is for."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloche.jobdir.layout import Layout
from cloche.model.limits import Limits

OWNER = "cloche.owner"  # labels
BOOT = "cloche.boot"
SLOT = "cloche.slot"
JOB = "/job"  # where the runner finds the job directory
RUNNER = ("python3", "-I", "-m", "cloche.runner")
# the runner and the imported package live in the container as well
_OWN_MEMORY = 64 << 20
_OWN_PROCESSES = 1
# an OCI runtime is a program of several threads before it becomes the runner
_LEAST_PROCESSES = 16
_PERIOD_US = 100_000
_LEAST_QUOTA_US = 1000
_SHARED_MEMORY = 64 << 20
# all three: where one is given podman sets the others higher than a daemon without privileges may
_ULIMITS = (("core", 0), ("nofile", 16384), ("nproc", 16384))
# packages must neither start threads on import nor write beside their source
_ENVIRONMENT = (
    "LANG=C.UTF-8",
    "HOME=/tmp",
    "OMP_NUM_THREADS=1",
    "OPENBLAS_NUM_THREADS=1",
    "PYTHONDONTWRITEBYTECODE=1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a prepared container is good for. ``image`` is an identifier, never a name that could come to mean another.

    ``code`` are the package's own paths on the host, mounted read-only where the package is not in the image;
    ``state`` is the state of that code. ``memory``, ``cpus`` and ``processes`` are a task's limits.
    """

    image: str
    package: str
    network: bool = False
    code: tuple[str, ...] = ()
    state: str = ""
    memory: int | None = None
    cpus: float | None = None
    processes: int | None = None


def sized(limits: Limits) -> dict[str, Any]:
    """The limits that a container keeps: whatever is not here the runner keeps inside."""
    return {"memory": limits.memory, "cpus": limits.cpus, "processes": limits.processes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all containers of an executor have in common."""

    user: tuple[int, int]
    network: str | None
    runtime: str
    scratch: int
    labels: tuple[tuple[str, str], ...]


def container(
    name: str, kind: Kind, around: Surroundings, command: tuple[str, ...], jobdir: Path | None
) -> dict[str, Any]:
    """The body of a request to create a container that runs ``command`` of the runner, on ``jobdir`` if there is one.

    The job directory is mounted read-only but for what its execution and its supervisor write. ``name`` is a label too:
    containers can be given other names.
    """
    uid, gid = around.user
    return {
        "Image": kind.image,
        "Entrypoint": list(RUNNER),
        "Cmd": list(command),
        "User": f"{uid}:{gid}",
        "WorkingDir": "/",
        "Env": list(_ENVIRONMENT),
        "Labels": {**dict(around.labels), SLOT: name},
        "Tty": False,
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _walls(kind, around) | {"Mounts": _mounts(kind, jobdir)},
    }


def _walls(kind: Kind, around: Surroundings) -> dict[str, Any]:
    walls: dict[str, Any] = {
        "NetworkMode": around.network if kind.network and around.network else "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "IpcMode": "private",
        "ShmSize": _SHARED_MEMORY,
        "Tmpfs": {"/tmp": f"rw,nosuid,nodev,noexec,mode=1777,size={around.scratch}"},  # noqa: S108 - the container's
        "Ulimits": [{"Name": name, "Soft": most, "Hard": most} for name, most in _ULIMITS],
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
        "Runtime": around.runtime or None,
    }
    if kind.memory is not None:
        walls["Memory"] = walls["MemorySwap"] = kind.memory + _OWN_MEMORY
    if kind.cpus is not None:
        walls |= {"CpuPeriod": _PERIOD_US, "CpuQuota": max(_LEAST_QUOTA_US, math.ceil(kind.cpus * _PERIOD_US))}
    if kind.processes is not None:
        walls["PidsLimit"] = max(_LEAST_PROCESSES, kind.processes + _OWN_PROCESSES)
    return walls


def _mounts(kind: Kind, jobdir: Path | None) -> list[dict[str, Any]]:
    mounts = [_mount(Path(path), path, writable=False) for path in kind.code]
    if jobdir is not None:
        outside, inside = Layout(jobdir), Layout(Path(JOB))
        mounts += [
            _mount(outside.root, JOB, writable=False),
            _mount(outside.work, str(inside.work), writable=True),
            _mount(outside.ctl, str(inside.ctl), writable=True),
        ]
    return mounts


def _mount(source: Path, target: str, *, writable: bool) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(source),
        "Target": target,
        "ReadOnly": not writable,
        "BindOptions": {"Propagation": "rprivate"},
    }
