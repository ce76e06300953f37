"""Makes, fills and removes job directories on the server's side."""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from cloche.jobdir.collector import Unsafe, read_untrusted
from cloche.jobdir.layout import Layout
from cloche.jobdir.removal import remove_tree
from cloche.jobdir.spares import Spares
from cloche.model.job import JobId

MAX_LOG_BYTES = 64 << 20  # above every cap that a supervisor puts on what it captures


class Incoming(Protocol):
    """A directory to take over."""

    path: Path


class RequestIntake:
    """A private directory of one request (``ports.intake.Intake``)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700)

    def discard(self) -> None:
        remove_tree(self.path)


class JobDirs:
    """Job directories in ``root/jobs``, intakes in ``root/intake``, both ``ports.intake.Workspace``'s; ``root/spare``
    holds directories that are used again.

    ``owner`` is the unprivileged (uid, gid) of executions where the server may give files away, None where they run as
    the server's own user. ``work/`` and ``ctl/`` are the owner's; everything else is the server's and read-only to it.
    Nobody but the server can list the directories of other jobs.
    """

    def __init__(self, root: Path, owner: tuple[int, int] | None = None) -> None:
        self._jobs = root / "jobs"
        self._intakes = root / "intake"
        self._owner = owner
        root.mkdir(parents=True, exist_ok=True)
        # others may pass through to a directory whose name they know, never look around
        self._jobs.mkdir(exist_ok=True)
        self._jobs.chmod(0o711 if owner else 0o700)
        self._intakes.mkdir(exist_ok=True)
        self._intakes.chmod(0o700)
        self._spares = Spares(root / "spare")
        self._made: set[JobId] = set()

    def intake(self) -> RequestIntake:
        return RequestIntake(self._intakes / uuid.uuid4().hex)

    def adopt(self, job: JobId, intake: Incoming | None) -> None:
        layout = Layout(self.jobdir(job))
        if not self._spares.take(layout.root):
            self._make(layout)
        self._made.add(job)
        if intake is not None:
            intake.path.rename(layout.inputs)  # in the place of the empty one
            self._give_inputs(layout)

    def _make(self, layout: Layout) -> None:
        folders = (layout.work, layout.out, layout.temporary, layout.ctl)
        for folder in (layout.root, layout.inputs, *folders):
            folder.mkdir(mode=0o700)
        if self._owner is not None:
            layout.root.chmod(0o711)
            for folder in folders:
                os.chown(folder, *self._owner)
        self._give_inputs(layout)
        self._spares.learn(layout.root)

    def _give_inputs(self, layout: Layout) -> None:
        if self._owner is None:
            return
        os.chown(layout.inputs, -1, self._owner[1])
        layout.inputs.chmod(0o750)
        for file in layout.inputs.iterdir():
            file.chmod(0o644)

    def jobdir(self, job: JobId) -> Path:
        if not job or job.startswith(".") or "/" in job or "\0" in job:
            raise ValueError(f"{job!r} is no job identifier")
        return self._jobs / job

    def trim(self, job: JobId, *, results: bool) -> None:
        layout = Layout(self.jobdir(job))
        remove_tree(layout.inputs)
        kept = {layout.out.name, layout.result.name} if results else set()
        with contextlib.suppress(FileNotFoundError), os.scandir(layout.work) as entries:
            for name in [entry.name for entry in entries if entry.name not in kept]:
                remove_tree(layout.work / name)

    def strip(self, job: JobId) -> None:
        """Remove inputs, work files and what a log-less job leaves; what was printed stays. Idempotent.

        A directory of an earlier server is not used again: an order of that one for it may still be unread.
        """
        layout = Layout(self.jobdir(job))
        ours = job in self._made
        self._made.discard(job)
        if not any(_size(path) for path in (layout.stdout, layout.stderr)):
            # without the record of its end somebody may be in there still, or a supervisor yet to come
            if not (ours and os.path.lexists(layout.exit) and self._spares.put(layout.root)):
                remove_tree(layout.root)
            return
        for path in layout.root.iterdir():  # also what a server left half written that was killed
            if path != layout.ctl:
                remove_tree(path)

    def remove(self, job: JobId) -> None:
        self._made.discard(job)
        remove_tree(self.jobdir(job))

    def log(self, job: JobId) -> str:
        layout = Layout(self.jobdir(job))
        return "".join(_text(layout.root, path.relative_to(layout.root)) for path in (layout.stdout, layout.stderr))

    def jobs(self, *, idle: float = 0) -> Iterator[JobId]:
        """Every job that has a directory which nobody has touched for ``idle`` seconds: what a sweep looks at."""
        return _idle(self._jobs, idle)

    def discard_intakes(self, *, idle: float = 0) -> int:
        """Remove intakes that no request has written to for ``idle`` seconds; returns how many."""
        self._spares.sweep()
        abandoned = list(_idle(self._intakes, idle))
        for name in abandoned:
            remove_tree(self._intakes / name)
        return len(abandoned)


def _idle(folder: Path, idle: float) -> Iterator[str]:
    before = time.time() - idle
    with os.scandir(folder) as entries:
        for entry in entries:
            if idle <= 0 or _touched(entry) < before:
                yield entry.name


def _touched(entry: "os.DirEntry[str]") -> float:
    """When the directory or a file in it was last written; now, where it just went away."""
    try:
        with os.scandir(entry.path) as files:
            times = [file.stat(follow_symlinks=False).st_mtime for file in files]
        return max([entry.stat(follow_symlinks=False).st_mtime, *times])
    except OSError:
        return time.time()


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _text(root: Path, name: Path) -> str:
    try:
        return read_untrusted(root, str(name), max_bytes=MAX_LOG_BYTES).decode(errors="replace")
    except (FileNotFoundError, Unsafe):
        return ""
