"""Whoever prints without end does not keep the supervisor from looking at anything else."""

import contextlib
import ctypes
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from cloche.runner.logs import Log

F_SETPIPE_SZ = 1031
MIB = 1 << 20
WRITERS = 16

_libc = ctypes.CDLL(None, use_errno=True)


class Piece(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("begin", ctypes.c_void_p), ("size", ctypes.c_size_t))


@contextlib.contextmanager
def pouring(descriptor: int, writers: int) -> Iterator[None]:
    """Processes that give their pages to a pipe as fast as it takes them."""
    data = ctypes.create_string_buffer(MIB)
    piece = Piece(ctypes.addressof(data), MIB)
    pids = []
    for _ in range(writers):
        pid = os.fork()
        if pid == 0:
            while _libc.vmsplice(descriptor, ctypes.byref(piece), ctypes.c_ulong(1), 0) > 0:
                pass
            os._exit(0)
        pids.append(pid)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_many_writers_do_not_hold_the_reader(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    log.limit(1000)
    fcntl.fcntl(log.writer, F_SETPIPE_SZ, MIB)
    longest, until = 0.0, time.monotonic() + 4
    with pouring(log.writer, WRITERS):
        os.close(log.writer)
        while time.monotonic() < until:
            begin = time.monotonic()
            assert log.drain()
            longest = max(longest, time.monotonic() - begin)
    log.finish()
    log.close()
    assert longest < 1, f"drained for {longest:.1f} s"


def test_all_that_is_left_is_kept(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    fcntl.fcntl(log.writer, F_SETPIPE_SZ, MIB)
    for number in range(200):
        os.write(log.writer, b"%4d" % number * 1024)
    os.close(log.writer)
    log.finish()
    log.close()
    assert (tmp_path / "log").read_bytes() == b"".join(b"%4d" % number * 1024 for number in range(200))


class Late(Log):
    """Somebody writes just after it was looked whether anything is there."""

    late = b"late"

    def _waiting(self) -> int:
        found = super()._waiting()
        if self.late:
            os.write(self.writer, self.late)
            self.late = b""
        return found


def test_what_comes_just_after_the_look_is_kept(tmp_path: Path) -> None:
    log = Late(str(tmp_path / "log"))
    assert log.drain()
    assert log.drain()
    os.write(log.writer, b" and more")
    os.close(log.writer)
    while log.drain():
        pass
    log.finish()
    log.close()
    assert (tmp_path / "log").read_bytes() == b"late and more"
