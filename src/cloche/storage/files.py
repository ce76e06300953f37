"""``ports.storage.Storage`` on a file system."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cloche.model.errors import NotEnoughStorage
from cloche.model.job import JobId

_CHUNK = 1 << 18
_SPAN = 1 << 30  # what one copy_file_range is asked for
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
_LONGEST_NAME = 200


class FileStorage:
    """Files in ``root/<job>/<name>``. Another name holds what is not complete yet; such names begin with a dot."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, job: JobId, name: str, source: int, *, media_type: str) -> int:  # noqa: ARG002 - told by the job's row
        path = self._path(job, name)
        try:
            path.parent.mkdir(exist_ok=True, mode=0o700)
            return _store(source, path)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise NotEnoughStorage("There is no room left to store the results.") from error
            raise

    def size(self, job: JobId, name: str) -> int:
        return self._path(job, name).stat().st_size

    def read(self, job: JobId, name: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        descriptor = os.open(self._path(job, name), os.O_RDONLY | os.O_CLOEXEC)
        return _chunks(_Source(descriptor), start, length)

    def path(self, job: JobId, name: str) -> Path | None:
        try:
            path = self._path(job, name)
        except FileNotFoundError:
            return None
        return path if path.is_file() else None

    def delete(self, job: JobId) -> None:
        try:
            shutil.rmtree(self._folder(job))
        except FileNotFoundError:
            return

    def jobs(self) -> Iterator[JobId]:
        with os.scandir(self._root) as entries:
            for entry in entries:
                yield entry.name

    def _folder(self, job: JobId) -> Path:
        return self._root / _segment(job)

    def _path(self, job: JobId, name: str) -> Path:
        return self._folder(job) / _segment(name)


class _Source:
    """A descriptor that is closed with its last reader, even one that never asked for a byte."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    __del__ = close


def _segment(name: str) -> str:
    """The name itself. Raises FileNotFoundError where it could not be that of a stored file."""
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(os.fsencode(name)) > _LONGEST_NAME:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    return name


def _store(source: int, path: Path) -> int:
    """Copy all bytes of ``source`` to ``path``, which is old, new or absent, whatever is killed; returns the size."""
    target, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        try:
            size = _copy(source, target)
            # the row that says "succeeded" must not survive a crash of the host that the bytes do not
            os.fdatasync(target)
        finally:
            os.close(target)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return size


def _copy(source: int, target: int) -> int:
    size = 0
    try:
        while count := os.copy_file_range(source, target, _SPAN, offset_src=size):
            size += count
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY or size:
            raise
    # what the kernel calls the end, or cannot copy at all, is read to be sure
    while chunk := os.pread(source, _CHUNK, size):
        size += _write(target, chunk)
    return size


def _write(target: int, chunk: bytes) -> int:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(target, rest) :]
    return len(chunk)


def _chunks(source: _Source, start: int, length: int | None) -> Iterator[bytes]:
    with closing(source):
        position = start
        end = None if length is None else start + length
        while end is None or position < end:
            chunk = os.pread(source.descriptor, _CHUNK if end is None else min(_CHUNK, end - position), position)
            if not chunk:
                return
            yield chunk
            position += len(chunk)
