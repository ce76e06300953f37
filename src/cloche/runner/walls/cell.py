"""What belongs to one execution: its job directory and no other, its own ``/proc`` and ``/tmp``."""

import os
from pathlib import Path

from cloche.jobdir.layout import Layout
from cloche.runner.walls import kernel

_PLACE = "/run"  # an empty directory of the template
_SHARED_MEMORY = "64m"
_NO_DEVICES = kernel.MS_NOSUID | kernel.MS_NODEV


def enter() -> None:
    """Leave the zygote's namespaces for own ones: mount, IPC, host name. The process namespace came with the fork."""
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS)


def furnish(layout: Layout, *, own_tmp: bool) -> None:
    """Show the job's request and inputs read-only, its work directory writable, all at their own paths.

    ``own_tmp``: its ``tmp`` is ``/tmp`` as well. Not where the jobs or readable files are kept in ``/tmp``.
    """
    jobs, name = os.path.split(os.fspath(layout.root))
    kernel.mount("cell", _PLACE, "tmpfs", _NO_DEVICES, f"mode=755,size={_SHARED_MEMORY},nr_inodes=4096")
    place = f"{_PLACE}/{name}"
    for made in (place, f"{place}/in", f"{place}/work", f"{_PLACE}/shm"):
        os.mkdir(made, 0o755)  # noqa: PTH102 - thousandths of a second count here
    os.close(os.open(f"{place}/request.json", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    root = os.fspath(layout.root)
    kernel.bind(f"{root}/request.json", f"{place}/request.json", flags=kernel.MS_RDONLY, recursive=False)
    kernel.bind(f"{root}/in", f"{place}/in", flags=kernel.MS_RDONLY, recursive=False)
    kernel.bind(f"{root}/work", f"{place}/work", recursive=False)
    if own_tmp:
        kernel.bind(f"{root}/work/tmp", "/tmp", recursive=False)  # noqa: S108 - the execution's own
    kernel.bind(f"{_PLACE}/shm", "/dev/shm", recursive=False)  # noqa: S108 - the execution's own
    kernel.set_attributes(_PLACE, kernel.MS_RDONLY, recursive=False)
    kernel.mount(_PLACE, jobs, flags=kernel.MS_MOVE)
    kernel.mount("proc", "/proc", "proc", _NO_DEVICES | kernel.MS_NOEXEC)


def leave_user(uid: int, gid: int) -> None:
    """A user namespace of its own, last: it owns none of the execution's other namespaces."""
    kernel.unshare(kernel.CLONE_NEWUSER)
    kernel.map_ids(0, 0, uid, gid)


def prepare(layout: Layout) -> None:
    """The directories that every execution finds in its work directory."""
    for path in (layout.out, layout.work / "tmp"):
        Path(path).mkdir(mode=0o755, exist_ok=True)
