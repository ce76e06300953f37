"""Names in a job directory, the working directory of its supervisor, which lives too short to think about paths."""

import os
from pathlib import Path

from cloche.jobdir.layout import Layout

_LAYOUT = Layout(Path())
LOCK, STARTED, EXIT, PAUSED, STDOUT, STDERR, WORK, RESULT = map(
    os.fspath,
    (
        _LAYOUT.lock,
        _LAYOUT.started,
        _LAYOUT.exit,
        _LAYOUT.paused,
        _LAYOUT.stdout,
        _LAYOUT.stderr,
        _LAYOUT.work,
        _LAYOUT.result,
    ),
)


def put(name: str, data: bytes) -> None:
    """``jobdir.files.write_record`` in a fraction of its time: under another name first, then by rename."""
    temporary = f"{name}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    os.write(descriptor, data)
    os.close(descriptor)
    os.rename(temporary, name)  # noqa: PTH104 - thousandths of a second count here
