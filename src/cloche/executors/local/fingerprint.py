"""The state of a package's code, by names, sizes and times of its files."""

import hashlib
import os
import sys
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

_MOST_FILES = 1000


def sources(package: str, search: Iterable[Path]) -> tuple[str, ...]:
    """The files that a package seems to have, by its name alone: nothing is imported, and little of it may be right."""
    if package.startswith("/"):
        found = _sources(Path(package))
    else:
        top = package.partition(".")[0]
        roots = [*search, *(Path(entry) for entry in sys.path if entry)]
        found = [file for root in roots for file in (*_sources(root / top), *_sources(root / f"{top}.py"))]
    return tuple(sorted(os.fspath(file) for file in found))


def _sources(path: Path) -> list[Path]:
    if path.is_dir():
        return list(islice(path.rglob("*.py"), _MOST_FILES))
    return [path] if path.is_file() else []


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
