"""What belongs to one execution: its job directory and no other, its own ``/proc`` and ``/tmp``."""

import contextlib
import os

from cloche.jobdir.layout import HERE
from cloche.runner.walls import kernel

_PLACE = "/run"  # an empty directory of the template
_SHARED_MEMORY = "mode=755,size=64m,nr_inodes=4096"
_REQUEST, _INPUTS, _WORK, _OUT = map(os.fspath, (HERE.request, HERE.inputs, HERE.work, HERE.out))
_TEMPORARY = os.fspath(HERE.temporary)
_NO_DEVICES = kernel.MS_NOSUID | kernel.MS_NODEV


NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
"""What an execution leaves its zygote's for; the process namespace came with the fork, the user's is last."""


def make_places() -> None:
    """Own ``/dev/shm``, and a place to lay out the job directory in."""
    kernel.mount("cell", _PLACE, "tmpfs", _NO_DEVICES, "mode=755,size=64k")
    kernel.mount("shm", "/dev/shm", "tmpfs", _NO_DEVICES, _SHARED_MEMORY)  # noqa: S108 - the execution's own


def mount_processes() -> None:
    """A ``/proc`` of its own process namespace."""
    kernel.mount("proc", "/proc", "proc", _NO_DEVICES | kernel.MS_NOEXEC)


def places(jobdir: str) -> tuple[str, str]:
    """The work directory and the directory for temporary files in it."""
    return f"{jobdir}/{_WORK}", f"{jobdir}/{_TEMPORARY}"


def inputs(jobdir: str) -> tuple[str, str]:
    """What the execution may only read."""
    return f"{jobdir}/{_REQUEST}", f"{jobdir}/{_INPUTS}"


def prepare() -> None:
    """Make the directories that every execution finds in its work directory; from within the job directory."""
    for name in (_OUT, _TEMPORARY):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755)  # noqa: PTH102 - see supervisor


def furnish(jobdir: str, *, own_tmp: bool) -> None:
    """Show the job's request and inputs read-only, its work directory writable, all at their own paths.

    ``own_tmp``: its ``tmp`` is ``/tmp`` as well. Not where the jobs or readable files are kept in ``/tmp``.
    """
    jobs, name = os.path.split(jobdir)
    place = f"{_PLACE}/{name}"
    for made in (place, f"{place}/{_INPUTS}", f"{place}/{_WORK}"):
        os.mkdir(made, 0o755)  # noqa: PTH102 - see supervisor
    os.close(os.open(f"{place}/{_REQUEST}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    kernel.bind(f"{jobdir}/{_REQUEST}", f"{place}/{_REQUEST}", flags=kernel.MS_RDONLY, recursive=False)
    kernel.bind(f"{jobdir}/{_INPUTS}", f"{place}/{_INPUTS}", flags=kernel.MS_RDONLY, recursive=False)
    kernel.bind(f"{jobdir}/{_WORK}", f"{place}/{_WORK}", recursive=False)
    if own_tmp:
        kernel.bind(f"{jobdir}/{_TEMPORARY}", "/tmp", recursive=False)  # noqa: S108 - the execution's own
    kernel.set_attributes(_PLACE, kernel.MS_RDONLY, recursive=False)
    kernel.mount(_PLACE, jobs, flags=kernel.MS_MOVE)


def leave_user(uid: int, gid: int) -> None:
    """A user namespace of its own, last: it owns none of the execution's other namespaces."""
    kernel.unshare(kernel.CLONE_NEWUSER)
    kernel.map_ids(0, 0, uid, gid)
