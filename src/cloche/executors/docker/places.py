"""Directories that containers have mounted before they have a job.

A mount follows the directory itself, whatever its name. So a container is given a directory of its own, laid out as a
job's; when the job comes, its request and inputs are linked into that directory, and then both change their names in
one step (``renameat2``). Whatever is interrupted, the job directory is whole: the old one before the step, the new one
after it.
"""

import contextlib
import ctypes
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloche.jobdir.files import RecordError, read_record, write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.workspace import JobDirs

_AT_FDCWD = -100
_EXCHANGE = 2
_MAX_RECORD_BYTES = 4096

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The container that has a directory mounted, and its first process on this host (``pid`` 0: not known)."""

    container: str
    boot: str
    pid: int = 0
    start_ticks: int = 0


class Places:
    """Directories for containers to come, below ``root``; ``owner`` as for ``JobDirs``."""

    def __init__(self, root: Path, owner: tuple[int, int] | None) -> None:
        self._dirs = JobDirs(root, owner)
        self._folder = root / "jobs"

    def make(self, name: str) -> Path:
        """A new directory of that name. Raises OSError."""
        self._dirs.adopt(name, None)
        return self._dirs.jobdir(name)

    def remove(self, name: str) -> None:
        """Idempotent. Raises OSError."""
        self._dirs.remove(name)

    def names(self) -> Iterator[str]:
        """Every directory that there is."""
        return self._dirs.jobs()

    def is_held(self, name: str) -> bool:
        """Whether a container has or had the directory mounted under this very name: no job has come to it."""
        return holder(self._dirs.jobdir(name)) is not None

    def hand_over(self, name: str, jobdir: Path) -> None:
        """Make the directory ``name`` the job directory; the former one takes its name. Raises OSError."""
        place = self._dirs.jobdir(name)
        before, after = Layout(jobdir), Layout(place)
        os.link(before.request, after.request)
        with os.scandir(before.inputs) as entries:
            for entry in entries:
                os.link(entry.path, after.inputs / entry.name, follow_symlinks=False)
        exchange(place, jobdir)

    def check(self) -> None:
        """Try the exchange. Raises OSError where the file system cannot do it."""
        names = [f"try-{os.getpid()}-{number}" for number in range(2)]
        try:
            one, other = (self.make(name) for name in names)
            exchange(one, other)
        finally:
            for name in names:
                self.remove(name)


def exchange(one: Path, other: Path) -> None:
    """Let two directories change their names, in one step. Raises OSError."""
    paths = [ctypes.create_string_buffer(os.fsencode(path)) for path in (one, other)]
    if _libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], ctypes.c_uint(_EXCHANGE)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"renameat2: {os.strerror(code)}", str(one))


def identity(root: Path) -> str:
    """What tells the containers of this directory's server from those of others on the same daemon; made once."""
    file = root / "identity"
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as made:
            made.write(uuid.uuid4().hex)
    return file.read_text().strip()


def note(directory: Path, holder: Holder) -> None:
    """Write down which container has the directory mounted."""
    write_record(Layout(directory).holder, holder)


def holder(directory: Path) -> Holder | None:
    """Which container has or had it mounted, None: never one."""
    with contextlib.suppress(RecordError, NotADirectoryError):
        return read_record(Holder, Layout(directory).holder, max_bytes=_MAX_RECORD_BYTES)
    return None
