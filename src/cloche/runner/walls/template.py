"""The read-only root that a zygote and all its executions live in; built once a zygote."""

import os
import socket
from pathlib import Path

from cloche.runner.walls import kernel, mounts
from cloche.runner.walls.view import View

_PLACE = "/tmp"  # noqa: S108 - only a mount point of our own namespace, for a moment
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = (
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
)
_DIRECTORIES = ("dev/shm", "tmp", "run", "var", "proc", "home")
_HOST_NAME = "cloche"  # executions need not know on whose machine they are
_LOCKED = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV


NAMESPACES = kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWNET


def enter(*, network: bool) -> None:
    """Leave the host's namespaces: user, mount, IPC, host name, and network unless the package needs it."""
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(NAMESPACES & ~kernel.CLONE_NEWNET if network else NAMESPACES)
    kernel.map_ids(uid, gid, 0, 0)
    socket.sethostname(_HOST_NAME)
    kernel.mount(None, "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)


def build(view: View, jobs: str, uid: int, gid: int) -> None:
    """Make a root of what ``view`` shows, read-only, and ``jobs``, writable, at their own paths; then live in it.

    The host's ``/proc`` stays in it for the supervisors; every execution mounts its own over it.
    """
    devices = [f"/dev/{name}" for name in _DEVICES]
    with mounts.captured([*view.readable, *devices, jobs, "/proc"]) as held:
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("root", _PLACE, "tmpfs", flags, "mode=755,size=4m")
        root = Path(_PLACE)
        _furnish(root, uid, gid)
        for path in view.readable:
            mounts.show(held[path], _inside(root, path), flags=_LOCKED)
        for path in devices:
            mounts.show(held[path], _inside(root, path), flags=kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NOEXEC)
        mounts.show(held[jobs], _inside(root, jobs), flags=flags)
        mounts.show(held["/proc"], root / "proc", flags=flags | kernel.MS_NOEXEC)
        for link, target in (*view.links, *_LINKS):
            _inside(root, link).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            _inside(root, link).symlink_to(target)
    kernel.pivot_root(_PLACE)
    kernel.set_attributes("/", _LOCKED, recursive=False)


def _furnish(root: Path, uid: int, gid: int) -> None:
    for name in _DIRECTORIES:
        (root / name).mkdir(mode=0o755, parents=True)
    (root / "etc").mkdir(mode=0o755)
    (root / "etc/passwd").write_text(f"root:x:0:0::/:/bin/false\njob:x:{uid}:{gid}::/tmp:/bin/false\n")
    (root / "etc/group").write_text(f"root:x:0:\njob:x:{gid}:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")


def _inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
