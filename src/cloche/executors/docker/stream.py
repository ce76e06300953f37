"""The standard streams of a container, attached: lines out of it, one order into it."""

import contextlib
import select
import struct
import time
from typing import Any

_HEADER = struct.Struct(">BxxxI")
_STDOUT = 1
_MAX_LINE_BYTES = 32 << 20
_MAX_SAID_BYTES = 8000
_CHUNK = 1 << 16


class Attached:
    """Frames of standard output and error over one connection (Docker's multiplexed stream).

    What the container writes on standard error is kept, its last bytes only. One thread at a time.
    """

    def __init__(self, connection: Any) -> None:
        """``connection`` is what the library calls a socket: at times the socket itself, at times a file over it."""
        self._file = connection
        self._socket = getattr(connection, "_sock", connection)
        self._raw = b""
        self._lines = b""
        self._said = b""
        self._ended = False

    def line(self, timeout: float) -> bytes | None:
        """The next line of standard output, without its end; empty: there will be none; None: not within the time."""
        until = time.monotonic() + timeout
        while b"\n" not in self._lines:
            if self._ended or len(self._lines) > _MAX_LINE_BYTES:
                return b""
            if not self._read(until - time.monotonic()):
                return None
        line, _, self._lines = self._lines.partition(b"\n")
        return line

    def rest(self, timeout: float) -> bytes | None:
        """Everything on standard output until its end; None: no end within the time, or far too much."""
        until = time.monotonic() + timeout
        while not self._ended:
            if len(self._lines) > _MAX_LINE_BYTES or not self._read(until - time.monotonic()):
                return None
        return self._lines

    def said(self) -> str:
        """The end of what came on standard error."""
        return self._said.decode(errors="replace").strip()

    def send(self, data: bytes) -> None:
        """Write to standard input. Raises OSError."""
        self._socket.sendall(data)

    def alive(self) -> bool:
        """False once the other end has closed."""
        while not self._ended and self._poll(0):
            self._read(0)
        return not self._ended

    def close(self) -> None:
        """The end of the container's standard input. Idempotent."""
        self._ended = True
        with contextlib.suppress(OSError):
            self._socket.close()
        with contextlib.suppress(OSError):
            self._file.close()

    def _poll(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout) * 1000))

    def _read(self, timeout: float) -> bool:
        """Take in what is there; False when the time passed."""
        if not self._poll(timeout):
            return False
        try:
            data = self._socket.recv(_CHUNK)
        except OSError:
            data = b""
        self._ended = not data
        self._raw += data
        while len(self._raw) >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._raw)
            end = _HEADER.size + size
            if len(self._raw) < end:
                break
            self._take(kind, self._raw[_HEADER.size : end])
            self._raw = self._raw[end:]
        return True

    def _take(self, kind: int, data: bytes) -> None:
        if kind == _STDOUT:
            self._lines += data
        else:
            self._said = (self._said + data)[-_MAX_SAID_BYTES:]
