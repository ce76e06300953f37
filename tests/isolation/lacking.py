"""``cloche.runner`` with some of its walls left out: what falls then shows what each of them carries.

    lacking.py LAYER[,LAYER...] ARGUMENTS-OF-THE-RUNNER

There is no such switch in Cloche itself: this file takes the runner's lists of steps apart before it starts.
"""

import socket
import sys
from collections.abc import Callable

from cloche.runner.__main__ import main
from cloche.runner.walls import cell, kernel, raising, syscalls, template


def _without_steps(*names: str) -> Callable[[], None]:
    def leave_out() -> None:
        known = {step.name for step in (*raising.PREPARED, *raising.ORDERED)}
        assert set(names) <= known, set(names) - known
        raising.PREPARED = tuple(step for step in raising.PREPARED if step.name not in names)
        raising.ORDERED = tuple(step for step in raising.ORDERED if step.name not in names)

    return leave_out


def _without_namespace(flag: int) -> Callable[[], None]:
    def leave_out() -> None:
        cell.NAMESPACES &= ~flag
        template.NAMESPACES &= ~flag

    return leave_out


def _without_mounts() -> None:
    """The execution lives in its zygote's mounts, where all jobs are to be seen."""
    cell.NAMESPACES &= ~kernel.CLONE_NEWNS
    _without_steps("own places", "own /proc", "job directory")()


def _without_processes() -> None:
    raising.Walls.sealed = property(lambda _: False)  # type: ignore[assignment,method-assign]
    _without_steps("own /proc")()


def _without_host_name() -> None:
    _without_namespace(kernel.CLONE_NEWUTS)()
    socket.sethostname = lambda _: None


def _without_root() -> None:
    template.build = lambda *_: None  # type: ignore[assignment]
    raising._OWN_ROOT = ()  # names that mean the host's own files without a root


def _without_no_new_privileges() -> None:
    """Landlock and seccomp go up by capabilities then, which are dropped last."""
    syscalls.ALLOWED["capset"] = (126, 91)
    by_name = {step.name: step for step in raising.ORDERED}
    _without_steps("no new privileges", "capabilities")()
    raising.ORDERED = (*raising.ORDERED, by_name["capabilities"])


def _without_control_groups() -> None:
    """The stage does without: they are the executor's."""


LAYERS: dict[str, Callable[[], None]] = {
    "user namespace": _without_steps("user namespace"),
    "mount namespace": _without_mounts,
    "process namespace": _without_processes,
    "network namespace": _without_namespace(kernel.CLONE_NEWNET),
    "IPC namespace": _without_namespace(kernel.CLONE_NEWIPC),
    "host name namespace": _without_host_name,
    "read-only root": _without_root,
    "capabilities": _without_steps("capabilities"),
    "no new privileges": _without_no_new_privileges,
    "Landlock": _without_steps("Landlock rules", "Landlock"),
    "seccomp": _without_steps("seccomp"),
    "control groups": _without_control_groups,
    "resource limits": _without_steps("resource limits"),
}

if __name__ == "__main__":
    for layer in sys.argv[1].split(","):
        LAYERS[layer]()
    sys.exit(main(sys.argv[2:]))
