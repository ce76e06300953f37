"""A package's code where it lies on this host rather than in the image: what is mounted of it, and its state."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def places(package: str, hidden: Sequence[Path]) -> tuple[str, ...]:
    """The paths to mount, read-only; none for a package that is in the image. ``hidden`` and all below stays out."""
    path = Path(package)
    if not package.startswith("/") or not path.exists():
        return ()
    veiled = [p for h in hidden for p in {h, h.resolve()}]
    wanted = [path] if path.is_dir() else [path, *_neighbours(path)]
    return tuple(sorted({str(shown) for one in wanted for shown in _without(one, veiled)}))


def state(paths: Iterable[str]) -> str:
    """Changes when a source file does, comes or goes."""
    digest = hashlib.sha256()
    for path in map(Path, paths):
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            try:
                status = file.stat()
            except OSError:
                continue
            digest.update(f"{file}\0{status.st_mtime_ns} {status.st_size} {status.st_ino}\n".encode())
    return digest.hexdigest()[:32]


def _neighbours(file: Path) -> list[Path]:
    """What a lone file can import from beside it."""
    found = [path for path in file.parent.glob("*.py") if path != file]
    return [*found, *(init.parent for init in file.parent.glob("*/__init__.py"))]


def _without(path: Path, hidden: Sequence[Path]) -> list[Path]:
    """``path``, or as much of it as is not hidden."""
    real = Path(os.path.realpath(path))  # resolve() raises where links go in a circle
    if not real.exists() or any(real == h or h in real.parents for h in hidden):
        return []
    if not any(real in h.parents for h in hidden):
        return [path]
    return [shown for entry in sorted(path.iterdir()) for shown in _without(entry, hidden)]
