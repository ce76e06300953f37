"""A way to needed files for an unprivileged user where their directories are closed to it (``/root``, mode 700).

Only for a server that runs as root, in a mount namespace of its own. What lies in a closed directory was out of the
user's reach anyway, so covering the directory and leaving windows in the cover takes nothing away.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from cloche.runner.walls import kernel, mounts


class Unreadable(Exception):
    """A needed path is itself closed to the user; the text says how to mend it."""


def open_windows(paths: Iterable[str], jobs: str, uid: int, gid: int) -> None:
    """Make ``paths`` and ``jobs`` reachable for ``uid``. Raises Unreadable or OSError."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount(None, "/", flags=kernel.MS_REC | kernel.MS_SLAVE)
    passage = os.path.realpath(jobs)
    wanted = sorted({passage, *(os.path.realpath(path) for path in paths)})
    for path in wanted:
        if not may_use(Path(path), uid, gid, read=path != passage):
            raise Unreadable(f"{path} cannot be read by user id {uid}: give others the right to read (chmod o+rX)")
    closed = {path: cover for path in wanted if (cover := _closed_ancestor(Path(path), uid, gid)) is not None}
    with mounts.captured(closed) as held:
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        for cover in sorted(set(closed.values())):
            kernel.mount("cover", os.fspath(cover), "tmpfs", flags, "mode=755,size=1m")
        for path in closed:
            mounts.show(held[path], Path(path))


def _closed_ancestor(path: Path, uid: int, gid: int) -> Path | None:
    """The outermost directory above ``path`` that the user may not pass."""
    return next((p for p in reversed(path.parents) if not may_use(p, uid, gid, read=False)), None)


def may_use(path: Path, uid: int, gid: int, *, read: bool = True) -> bool:
    """Whether its mode allows the user to read it and, a directory, to pass; not ``read``: only to pass."""
    status = path.stat()
    if status.st_uid == uid:
        shift = 6
    elif status.st_gid == gid:
        shift = 3
    else:
        shift = 0
    needed = (4 if read else 0) | (1 if stat.S_ISDIR(status.st_mode) else 0)
    return (status.st_mode >> shift) & needed == needed
