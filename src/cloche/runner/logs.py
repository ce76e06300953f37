"""What an execution prints, from its pipes into capped files."""

import os

DEFAULT_LOG_BYTES = 8 << 20
_CHUNK = 1 << 16
_TAIL = 2000


class Log:
    """One stream. The file is made with the first byte; past the cap or on a full disk all is read and dropped."""

    def __init__(self, path: str) -> None:
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reader, False)
        self.tail = b""
        self._path = path
        self._room = DEFAULT_LOG_BYTES
        self._file: int | None = None

    def limit(self, size: int | None) -> None:
        """Keep no more than ``size`` bytes; before anything was read."""
        self._room = DEFAULT_LOG_BYTES if size is None else size

    def drain(self) -> bool:
        """Take what is there; False when every writer has gone."""
        while True:
            try:
                data = os.read(self.reader, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        self.tail = (self.tail + data)[-_TAIL:]
        if self._room <= 0:
            return
        kept = data[: self._room]
        self._room -= len(data)
        try:
            self._write(kept + (b"\n[the rest was cut off: log limit]\n" if self._room < 0 else b""))
        except OSError:
            self._room = 0  # the disk is full: the log ends here, the execution does not

    def _write(self, data: bytes) -> None:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o644)
        os.write(self._file, data)
