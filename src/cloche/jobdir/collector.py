"""Reads what user code left behind: a plain file below a directory, or nothing at all.

A naive ``open()`` by the server follows a symbolic link to a secret, hangs on a FIFO and reads a hard link to somebody
else's file. Here the kernel resolves the path (openat2: beneath, no links, no other file system) and the open file
itself is judged: regular, one name, within the cap.
"""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TypeVar

from cloche.jobdir.files import MAX_RECORD_BYTES, parse_record

Record = TypeVar("Record")

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPENAT2 = 437  # the same number on every architecture
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_HOW = struct.pack("QQQ", _FLAGS, 0, _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH)
_ABSENT = frozenset({errno.ENOSYS, errno.EPERM})  # an old kernel, or a filter of system calls that does not know it
_ESCAPES = {
    errno.ELOOP: "is a symbolic link or lies behind one",
    errno.EXDEV: "leads out of its directory",
    errno.ENOTDIR: "lies below something that is no directory",
    errno.ENXIO: "is a socket or a device",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.EACCES: "may not be read",
}

_libc = ctypes.CDLL(None, use_errno=True)


class Unsafe(Exception):
    """The file may not be read; the text says why, in words that begin with the relative path."""


class TooLarge(Unsafe):
    """The file is larger than the cap."""


@contextmanager
def open_untrusted(directory: Path, name: str, *, max_bytes: int | None = None) -> Iterator[int]:
    """A descriptor of the regular file ``name`` (a relative path) below ``directory``, which itself is trusted.

    Raises FileNotFoundError, Unsafe, TooLarge. Only after the death of every process of the job is the content final.
    """
    descriptor = _open(directory, name)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unsafe(f"{name} is not a regular file")
        if status.st_nlink != 1:
            raise Unsafe(f"{name} has more than one name")
        if max_bytes is not None and status.st_size > max_bytes:
            raise TooLarge(f"{name} is larger than {max_bytes} bytes")
        yield descriptor
    finally:
        os.close(descriptor)


def read_untrusted(directory: Path, name: str, *, max_bytes: int) -> bytes:
    """The whole file. Raises what ``open_untrusted`` raises."""
    with open_untrusted(directory, name, max_bytes=max_bytes) as descriptor:
        data = _read(descriptor, max_bytes + 1)  # a file may grow after it was measured
    if len(data) > max_bytes:
        raise TooLarge(f"{name} is larger than {max_bytes} bytes")
    return data


def read_untrusted_json(
    kind: type[Record], directory: Path, name: str, *, max_bytes: int = MAX_RECORD_BYTES
) -> Record | None:
    """A record, or None where there is no such file. Raises Unsafe, TooLarge, RecordError."""
    try:
        data = read_untrusted(directory, name, max_bytes=max_bytes)
    except FileNotFoundError:
        return None
    return parse_record(kind, data, name=name, max_bytes=max_bytes)


def _read(descriptor: int, limit: int) -> bytes:
    chunks = bytearray()
    while len(chunks) < limit and (chunk := os.read(descriptor, min(limit - len(chunks), 1 << 20))):
        chunks += chunk
    return bytes(chunks)


def _open(directory: Path, name: str) -> int:
    if not name or "\0" in name or not _is_encodable(name):
        raise Unsafe(f"{name!r} is no file name")
    root = os.open(directory, _STEP & ~os.O_NOFOLLOW)
    try:
        return _openat2(root, name)
    except OSError as error:
        if error.errno in _ESCAPES:
            raise Unsafe(f"{name} {_ESCAPES[error.errno]}") from None
        raise
    finally:
        os.close(root)


def _is_encodable(name: str) -> bool:
    """Not so half of a surrogate pair, which JSON can say and no file system can."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _openat2(root: int, name: str) -> int:
    how = ctypes.create_string_buffer(_HOW, len(_HOW))
    descriptor: int = _libc.syscall(_OPENAT2, root, os.fsencode(name), how, ctypes.c_size_t(len(_HOW)))
    if descriptor >= 0:
        return descriptor
    code = ctypes.get_errno()
    if code in _ABSENT:
        return _walk(root, name)
    raise OSError(code, os.strerror(code), name)


def _walk(root: int, name: str) -> int:
    """What openat2 does, step by step, where the kernel lacks it: each step follows no link and stays on the device."""
    *folders, last = PurePosixPath(name).parts or (".",)
    if name.startswith("/") or ".." in (*folders, last):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), name)
    device = os.fstat(root).st_dev
    here = os.dup(root)
    try:
        for step, flags in [*((folder, _STEP) for folder in folders), (last, _FLAGS)]:
            following = os.open(step, flags, dir_fd=here)
            os.close(here)
            here = following
            if os.fstat(here).st_dev != device:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), name)  # noqa: TRY301 - as the kernel would
    except BaseException:
        os.close(here)
        raise
    return here
