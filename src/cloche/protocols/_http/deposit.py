"""Files of one request on their way into a job."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from cloche.model.errors import SizeExceeded
from cloche.ports.intake import Intake

COPY_BYTES = 1 << 24


class Deposit:
    """Opens the request's intake when a first file needs it. ``max_bytes`` caps one file (None: no cap)."""

    def __init__(self, open_intake: Callable[[], Intake], *, max_bytes: int | None = None) -> None:
        self._open = open_intake
        self._count = 0
        self.max_bytes = max_bytes
        self.intake: Intake | None = None

    def create(self) -> tuple[str, IO[bytes]]:
        """A new file and its bare name."""
        name = f"data{self._count}"
        self._count += 1
        return name, (self._directory() / name).open("xb", buffering=1 << 17)

    def take(self, name: str, *, max_bytes: int) -> bytes:
        """The content of a file, which goes. Raises SizeExceeded where it is larger than ``max_bytes``."""
        path = self._directory() / name
        if path.stat().st_size > max_bytes:
            raise SizeExceeded(f"The value is longer than {max_bytes} bytes: a literal is short.")
        content = path.read_bytes()
        path.unlink()
        return content

    def read(self, name: str, step: int) -> Iterator[bytes]:
        """The content of a file, at most ``step`` bytes at once."""
        with (self._directory() / name).open("rb") as file:
            while chunk := file.read(step):
                yield chunk

    def scratch(self) -> int:
        """A descriptor of a file without a name: it takes room where the intake is, and goes when it is closed."""
        with TemporaryFile(dir=self._directory(), buffering=0) as file:
            return os.dup(file.fileno())

    def check(self, size: int) -> None:
        """Raises SizeExceeded when a file of ``size`` bytes is too large."""
        if self.max_bytes is not None and size > self.max_bytes:
            raise SizeExceeded(f"The value is larger than {self.max_bytes} bytes.")

    def discard(self) -> None:
        """Remove everything, if the intake is still ours. Idempotent."""
        if self.intake is not None:
            self.intake.discard()

    def _directory(self) -> Path:
        if self.intake is None:
            self.intake = self._open()
        return self.intake.path


class Spool:
    """The bytes of a body, in memory while they are few, else in a nameless file of the deposit."""

    def __init__(self, deposit: Deposit, *, memory_bytes: int) -> None:
        self._deposit = deposit
        self._limit = memory_bytes
        self._memory = bytearray()
        self._file: int | None = None

    def write(self, data: bytes) -> None:
        """Append."""
        if self._file is None and len(self._memory) + len(data) <= self._limit:
            self._memory += data
            return
        if self._file is None:
            self._file = self._deposit.scratch()
            _write_all(self._file, self._memory)
            self._memory.clear()
        _write_all(self._file, data)

    def read(self, start: int, size: int) -> bytes:
        """At most ``size`` bytes from offset ``start``."""
        if self._file is None:
            return bytes(self._memory[start : start + size])
        return os.pread(self._file, size, start)

    def copy(self, start: int, end: int, target: int) -> None:
        """Append the bytes from ``start`` to ``end`` to an open file, without them passing through the process."""
        if self._file is None:
            _write_all(target, memoryview(self._memory)[start:end])
            return
        while start < end:
            start += os.sendfile(target, self._file, start, min(end - start, COPY_BYTES))

    def close(self) -> None:
        """Give the room back. Idempotent."""
        self._memory = bytearray()
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write_all(target: int, data: bytes | bytearray | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
