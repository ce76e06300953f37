"""The state of a package's code, by names, sizes and times of its files."""

import hashlib
import sys
import time
from collections.abc import Iterable
from pathlib import Path


def fingerprint(files: Iterable[str], places: Iterable[Path]) -> str:
    """Changes when a file of ``files`` does, comes or goes; ``places`` are looked at where no file is known."""
    known = sorted(files)
    digest = hashlib.sha256()
    if known:
        folders = {Path(name).parent for name in known if Path(name).name == "__init__.py"}
        # a new module of a package changes its directory, a neighbour of a lone file is no part of it
        watched = [*map(Path, known), *sorted(folders)]
    else:
        watched = [*places, *(Path(entry) for entry in sys.path if entry)]
    for path in watched:
        digest.update(f"{path}\0{_state(path)}\n".encode())
    return digest.hexdigest()[:32]


def changed_since(begin_ns: int, files: Iterable[str]) -> bool:
    """Whether a file was written after ``begin_ns``; times in the future say nothing."""
    now = time.time_ns()
    times = [Path(name).stat().st_mtime_ns for name in files if Path(name).exists()]
    return any(begin_ns < at <= now for at in times)


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "absent"
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"
