"""Names in a job directory, the working directory of its supervisor, which lives too short to think about paths."""

import os

from cloche.jobdir.layout import HERE

LOCK, STARTED, EXIT, PAUSED, STDOUT, STDERR, WORK, RESULT = map(
    os.fspath,
    (
        HERE.lock,
        HERE.started,
        HERE.exit,
        HERE.paused,
        HERE.stdout,
        HERE.stderr,
        HERE.work,
        HERE.result,
    ),
)


def put(name: str, data: bytes) -> None:
    """``jobdir.files.write_record`` in a fraction of its time: under another name first, then by rename."""
    temporary = f"{name}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    os.write(descriptor, data)
    os.close(descriptor)
    os.rename(temporary, name)  # noqa: PTH104 - thousandths of a second count here
