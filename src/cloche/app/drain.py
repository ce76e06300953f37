"""Whether a server takes new jobs: a file in its data directory says no until it is removed, so does its own end."""

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path


class Drain:
    """Any thread; the file may come and go at any time, by ``cloche drain``."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ending = False

    def on(self) -> bool:
        """Whether new jobs are refused."""
        return self._ending or os.path.lexists(self._file)

    def since(self) -> datetime | None:
        """When the operator asked for it; None: not now."""
        try:
            text = self._file.read_text().strip()
        except OSError:
            return None
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # somebody's own file
            return datetime.fromtimestamp(self._file.stat().st_mtime, UTC)

    def begin(self) -> None:
        """For every server of this data directory from now on. Idempotent. Raises OSError."""
        if self.since() is None:
            self._file.write_text(datetime.now(UTC).isoformat(timespec="seconds"))

    def end(self) -> None:
        """Undo ``begin``. Idempotent. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self._file.unlink()

    def close(self) -> None:
        """This server is about to end: it takes nothing any more."""
        self._ending = True
