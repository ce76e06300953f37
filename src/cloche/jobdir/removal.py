"""Removes a tree that user code has built, whatever it looks like."""

import errno
import os
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Remove ``path`` and everything below. Idempotent. Raises OSError when something resists.

    No link is followed, folders without permissions are opened up first, and the depth of the tree does not matter:
    folders below the first level are moved up to it, so that neither recursion nor descriptors run out.
    """
    try:
        top = _enter(str(path), None)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        path.unlink()
        return
    try:
        _empty(top)
    finally:
        os.close(top)
    path.rmdir()


def _empty(top: int) -> None:
    lifted = 0
    while folders := _unlink_files(top):
        for name in folders:
            below = _enter(name, top)
            try:
                for child in _unlink_files(below):
                    os.close(_enter(child, below))  # a folder without permissions cannot be moved
                    lifted += 1
                    os.rename(child, f".lifted-{os.getpid()}-{lifted}", src_dir_fd=below, dst_dir_fd=top)
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=top)


def _unlink_files(folder: int) -> list[str]:
    """Unlink everything but folders; the names of those."""
    folders = []
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if is_folder:
            folders.append(name)
        else:
            os.unlink(name, dir_fd=folder)
    return folders


def _enter(name: str, parent: int | None) -> int:
    """Open a folder with every right on it."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        _open_up(name, parent)
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    if os.fstat(descriptor).st_mode & 0o700 != 0o700:
        os.fchmod(descriptor, 0o700)
    return descriptor


def _open_up(name: str, parent: int | None) -> None:
    """Change the mode and follow no link: through a descriptor that needs no right on the folder itself."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
    finally:
        os.close(handle)
