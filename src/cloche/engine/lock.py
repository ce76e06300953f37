"""Proof that no other server works on a data directory."""

import fcntl
import os
import struct
from pathlib import Path


class Taken(Exception):
    """Another process holds the lock; ``pid`` is what it wrote of itself, or None."""

    def __init__(self, path: Path, pid: int | None) -> None:
        super().__init__(f"{path} is held by process {pid or 'unknown'}")
        self.pid = pid


class ServerLock:
    """A POSIX lock on a file, held until ``release`` or the end of the process, however it ends.

    POSIX and not flock: a child that inherited the descriptor would go on holding a flock after the server's death.
    The process must not open the file anywhere else: closing any descriptor of it gives the lock back.
    """

    def __init__(self, path: Path) -> None:
        """Raises Taken."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            written = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise Taken(path, int(written) if written.isdigit() else None) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


_FLOCK = "hhqqi"  # struct flock on machines of 64 bits: type, whence, start, length, process


def holder(path: Path) -> int | None:
    """Who holds a server's lock, without touching it; None: nobody."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    finally:
        os.close(descriptor)
    kind, _, _, _, pid = struct.unpack(_FLOCK, answer)
    return None if kind == fcntl.F_UNLCK else pid
