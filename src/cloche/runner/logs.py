"""What an execution prints, from its pipes into capped files, without a byte of it coming into our memory."""

import contextlib
import errno
import fcntl
import os
import select
import sys
import termios

DEFAULT_LOG_BYTES = 8 << 20
_CHUNK = 1 << 16
_TAIL = 2000
_MOST_MOVES = 32
_LAST_MOVES = 1 << 14  # a pipe is made of far fewer pieces
_CUT = b"\n[the rest was cut off: log limit]\n"


class Log:
    """One stream. The file is made with the first byte; past the cap or on a full disk everything is taken and dropped.

    ``clean`` turns False where the file system does not take bytes from a pipe, so that they had to be read.
    """

    def __init__(self, path: str) -> None:
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reader, False)
        self.clean = True
        self._path = path
        self._room = DEFAULT_LOG_BYTES
        self._file: int | None = None
        self._sink: int | None = None
        self._cut = False

    def limit(self, size: int | None) -> None:
        """Keep no more than ``size`` bytes; before anything was read."""
        self._room = DEFAULT_LOG_BYTES if size is None else size

    def drain(self) -> bool:
        """Take of what is there; False when every writer has gone.

        Not all of it where many write: they could go on for longer than the supervisor may look away.
        """
        return self._take(_MOST_MOVES)

    def finish(self) -> None:
        """Take all that is left, when nobody writes any more."""
        self._take(_LAST_MOVES)

    def last_line(self) -> str:
        """The end of what was kept."""
        if self._file is None:
            return ""
        begin = max(0, os.fstat(self._file).st_size - _TAIL)
        return os.pread(self._file, _TAIL, begin).decode(errors="replace").strip().rpartition("\n")[2]

    def close(self) -> None:
        """Let go of everything but the file's content."""
        for descriptor in (self.reader, self._file, self._sink):
            if descriptor is not None:
                os.close(descriptor)

    def _take(self, moves: int) -> bool:
        for _ in range(moves):
            if not self._waiting():
                return not self._is_over()
            try:
                moved = self._keep() if self._room > 0 else self._drop()
            except BlockingIOError:
                return True
            if not moved:
                return False
        return True

    def _is_over(self) -> bool:
        """Whether nobody can write any more, and nothing has come since we looked."""
        poll = select.poll()
        poll.register(self.reader, select.POLLIN)
        return any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))

    def _waiting(self) -> int:
        return int.from_bytes(fcntl.ioctl(self.reader, termios.FIONREAD, bytes(4)), sys.byteorder)

    def _keep(self) -> int:
        try:
            if self._file is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o644)
            moved = self._move(self._file, min(_CHUNK, self._room))
        except BlockingIOError:
            raise
        except OSError:
            self._room = 0  # the disk is full: the log ends here, the execution does not
            return self._drop()
        self._room -= moved
        return moved

    def _drop(self) -> int:
        if self._sink is None:
            self._sink = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)
        moved = os.splice(self.reader, self._sink, _CHUNK, flags=os.SPLICE_F_NONBLOCK)
        if moved and self._file is not None and not self._cut:
            self._cut = True
            with contextlib.suppress(OSError):
                os.write(self._file, _CUT)
        return moved

    def _move(self, file: int, most: int) -> int:
        if self.clean:
            try:
                return os.splice(self.reader, file, most, flags=os.SPLICE_F_NONBLOCK)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self.clean = False
        return os.write(file, os.read(self.reader, most))
