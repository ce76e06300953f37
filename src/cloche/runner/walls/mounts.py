"""Bringing chosen paths of one tree into another by bind mounts."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cloche.runner.walls import kernel


@contextmanager
def captured(paths: Iterable[str]) -> Iterator[dict[str, int]]:
    """Descriptors of ``paths``, still good as sources when something was mounted over the paths."""
    held: dict[str, int] = {}
    try:
        for path in paths:
            held[path] = os.open(path, os.O_PATH | os.O_CLOEXEC)
        yield held
    finally:
        for descriptor in held.values():
            os.close(descriptor)


def show(descriptor: int, target: Path, *, flags: int = 0) -> None:
    """Bind what ``descriptor`` stands for on ``target``, made with its parents if missing."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
    else:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        target.touch()
    kernel.bind(f"/proc/self/fd/{descriptor}", os.fspath(target), flags=flags)
