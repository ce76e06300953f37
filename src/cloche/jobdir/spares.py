"""Job directories that are used again: making six directories costs the file system more than all the rest of a job.

Only what is as if it were new: empty, of the owner and mode that it was made with, of the size of an empty directory,
without attributes or flags of its own. Whatever else an execution has left is removed instead.
"""

import errno
import fcntl
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloche.jobdir.layout import HERE
from cloche.jobdir.removal import remove_tree

MOST = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS
_MOST_FILES = 1000  # beyond, the directory has grown
_IN, _WORK, _CTL = (str(path) for path in (HERE.inputs, HERE.work, HERE.ctl))
_FOLDERS = (_IN, _WORK, _CTL)
_IN_WORK = {str(path): path.name for path in (HERE.out, HERE.temporary)}


@dataclass(frozen=True, slots=True)
class _Look:
    """What can be seen of an empty directory: two that look the same are the same to whoever comes next."""

    mode: int
    uid: int
    gid: int
    size: int
    links: int
    flags: int
    attributes: tuple[str, ...]


class Spares:
    """Directories in ``folder`` that wait to become jobs'. Any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: deque[str] = deque()
        self._model: dict[str, _Look] | None = None
        self._number = 0
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)

    def learn(self, root: Path) -> None:
        """See what a job directory looks like that has just been made."""
        if self._model is None:
            with _opened(str(root), None) as top:
                self._model = {"": _look(top)}
                for name in (*_FOLDERS, *_IN_WORK):
                    with _opened(name, top) as folder:
                        self._model[name] = _look(folder)

    def take(self, root: Path) -> bool:
        """Make ``root`` of a spare one; False where there is none. Raises FileExistsError."""
        while self._names:
            try:
                name = self._names.pop()
            except IndexError:
                return False
            try:
                os.rename(self._folder / name, root)  # noqa: PTH104 - thousandths of a second count here
            except FileNotFoundError:
                continue  # swept by another
            except OSError as error:
                self._names.append(name)
                if error.errno == errno.ENOTEMPTY:
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(root)) from None
                raise
            os.utime(root)  # sweeps go by it
            return True
        return False

    def put(self, root: Path) -> bool:
        """Keep a directory that nobody needs any more; False where it has to be removed."""
        if self._model is None or len(self._names) >= MOST:
            return False
        try:
            with _opened(str(root), None) as top:
                if not _emptied(top, self._model):
                    return False
            self._number += 1
            name = f"{os.getpid()}-{self._number}-{root.name}"
            os.rename(root, self._folder / name)  # noqa: PTH104
        except OSError:
            return False
        self._names.append(name)
        return True

    def sweep(self) -> None:
        """Remove what an earlier server kept."""
        kept = set(self._names)
        for entry in os.scandir(self._folder):
            if entry.name not in kept:
                remove_tree(Path(entry.path))


def _emptied(top: int, model: dict[str, _Look]) -> bool:
    """Unlink every file of a job directory, and say whether it looks like new then."""
    if not _unlinked(top, beside=_FOLDERS) or _look(top) != model[""]:
        return False
    for name in _FOLDERS:
        if not _as_new(name, top, model[name], beside=tuple(_IN_WORK.values()) if name == _WORK else ()):
            return False
    return all(_as_new(name, top, model[name]) for name in _IN_WORK)


def _as_new(name: str, top: int, model: _Look, *, beside: tuple[str, ...] = ()) -> bool:
    with _opened(name, top) as folder:
        return _unlinked(folder, beside=beside) and _look(folder) == model


def _unlinked(folder: int, *, beside: tuple[str, ...]) -> bool:
    """Unlink all files; False where there are others than these folders, or too many files."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    if sorted(name for name, is_folder in found if is_folder) != sorted(beside) or len(found) > _MOST_FILES:
        return False
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return True


def _look(folder: int) -> _Look:
    status = os.fstat(folder)
    return _Look(
        mode=status.st_mode,
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size,
        links=status.st_nlink,
        flags=_flags(folder),
        attributes=_attributes(folder),
    )


def _flags(folder: int) -> int:
    """What ``lsattr`` shows; 0 where the file system has no such flags."""
    try:
        return int.from_bytes(fcntl.ioctl(folder, _GET_FLAGS, bytes(8)), sys.byteorder)
    except OSError:
        return 0


def _attributes(folder: int) -> tuple[str, ...]:
    """Names of extended attributes, access control lists among them; none where the file system has no such."""
    try:
        return tuple(sorted(os.listxattr(folder)))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return ()


@contextmanager
def _opened(name: str, parent: int | None) -> Iterator[int]:
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield folder
    finally:
        os.close(folder)
