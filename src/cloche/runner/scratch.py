"""How much an execution keeps in its work directory, without trusting what lies there."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_MAX_DEPTH = 100
_LEAST = 4096  # what an entry counts at least: an empty file takes an inode, of which a disk has one for 16 KiB
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True, kw_only=True)
class Volume:
    """``size`` in bytes on disk, at least 4 KiB an entry; ``largest`` is the length of the longest file; too deep a
    tree has no end of files.
    """

    size: int = 0
    files: float = 0
    largest: int = 0

    def passes(self, max_bytes: int | None, max_files: int | None) -> bool:
        """Whether a maximum is exceeded."""
        return (max_bytes is not None and self.size > max_bytes) or (max_files is not None and self.files > max_files)


def measure(directory: str, *, max_bytes: int | None = None, max_files: int | None = None) -> Volume:
    """Walk ``directory`` without following links; stops as soon as a maximum is passed.

    What vanishes meanwhile is not counted; a file of several names counts once a name.
    """
    volume = Volume()
    _walk(os.open(directory, _FOLDER), volume, (max_bytes, max_files), _MAX_DEPTH)
    return volume


def nameless(pids: Iterable[int], wanted: Callable[[os.stat_result], bool]) -> int:
    """Bytes of ``wanted`` files that have no name any more, or never had one, but are held open by processes."""
    found = {
        (status.st_dev, status.st_ino): status.st_blocks * 512
        for pid in pids
        for status in _open_files(pid)
        if status.st_nlink == 0 and stat.S_ISREG(status.st_mode) and wanted(status)
    }
    return sum(found.values())


def _open_files(pid: int) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError):
        folder = os.open(f"/proc/{pid}/fd", _FOLDER)
        try:
            for name in os.listdir(folder):  # noqa: PTH208 - of a descriptor
                with contextlib.suppress(OSError):
                    yield os.stat(name, dir_fd=folder)
        finally:
            os.close(folder)


def _walk(folder: int, volume: Volume, maxima: tuple[int | None, int | None], depth: int) -> None:
    try:
        for name in os.listdir(folder):
            if volume.passes(*maxima):
                return
            _count(name, folder, volume, maxima, depth)
    finally:
        os.close(folder)


def _count(name: str, folder: int, volume: Volume, maxima: tuple[int | None, int | None], depth: int) -> None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        below = os.open(name, _FOLDER, dir_fd=folder) if stat.S_ISDIR(status.st_mode) else None
    except OSError:
        return
    volume.size += max(_LEAST, status.st_blocks * 512)
    volume.files += 1
    if below is None:
        volume.largest = max(volume.largest, status.st_size)
    elif depth > 0:
        _walk(below, volume, maxima, depth - 1)
    else:
        os.close(below)
        volume.files = float("inf")
