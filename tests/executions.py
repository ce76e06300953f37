"""Executions for tests: an executor, job directories for it, and their ends."""

import functools
import os
import shutil
import tempfile
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import needs
from cloche.executors.local.capabilities import Capabilities, probe
from cloche.executors.local.settings import LocalSettings
from cloche.jobdir.files import read_record, write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from cloche.jobdir.records import ExitRecord, LiteralResult, ResultRecord, TaskRecord
from cloche.jobdir.workspace import JobDirs
from cloche.model.data import Input, LiteralData
from cloche.model.execute import OutputRequest
from cloche.model.limits import Limits
from cloche.ports.executor import Executor, Handle, Phase, Task

PATIENCE = 30.0
NOBODY = (65534, 65534)


def owner() -> tuple[int, int] | None:
    """Whom executions run as: another where we are root."""
    return NOBODY if os.getuid() == 0 else None


def local(folder: Path, level: Level) -> LocalSettings:
    """Settings of a local executor whose server keeps its data in ``folder``."""
    return LocalSettings(name="local", level=level, jobs=folder / "jobs", user=owner(), hidden=(folder,))


@functools.cache
def capabilities() -> Capabilities:
    """What this host can do."""
    return probe(local(Path("/nowhere"), Level.FULL))


def need_level(level: Level) -> None:
    """Skip where the level does not work."""
    missing = capabilities().missing[level]
    needs.need(f"local-{level.value}", when=not missing, reason=missing)


@contextmanager
def data_folder() -> Iterator[Path]:
    """Where a server would keep its data: not in /tmp, which executions have of their own."""
    path = Path(tempfile.mkdtemp(prefix="cloche-test-", dir="/var/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An execution that came to an end; ``exit`` None: without evidence."""

    layout: Layout
    exit: ExitRecord | None
    result: ResultRecord | None

    @property
    def value(self) -> str:
        """The first output, a literal."""
        assert self.result is not None, self.said
        assert self.result.failure is None, f"{self.result.failure}: {self.said}"
        assert isinstance(self.result.outputs[0].value, LiteralResult)
        return self.result.outputs[0].value.value

    @property
    def said(self) -> str:
        """What it printed, with how it ended."""
        logs = [path.read_text() for path in (self.layout.stdout, self.layout.stderr) if path.exists()]
        return "\n".join([str(self.exit), *logs])


@dataclass(slots=True)
class Bench:
    """Runs processes of one package through an executor; ``folder`` is the server's data, ``owner`` whom executions
    run as.
    """

    executor: Executor
    folder: Path
    package: str
    owner: tuple[int, int] | None = field(default_factory=owner)
    _ends: defaultdict[str, threading.Event] = field(default_factory=lambda: defaultdict(threading.Event))

    def __post_init__(self) -> None:
        self.executor.listen(lambda key: self._ends[key].set())

    @property
    def jobs(self) -> JobDirs:
        return JobDirs(self.folder, self.owner)

    def task(
        self, process: str, limits: Limits | None = None, /, *, package: str | None = None, **values: object
    ) -> Task:
        """A job directory with its request, ready to be started; each value is a literal input."""
        key = uuid.uuid4().hex
        self.jobs.adopt(key, None)
        layout = Layout(self.jobs.jobdir(key))
        record = TaskRecord(
            job=key,
            package=package or self.package,
            process=process,
            inputs=tuple(Input(id=name, data=LiteralData(value=str(value))) for name, value in values.items()),
            outputs=(OutputRequest(id="result"),),
            limits=limits or Limits(),
        )
        write_record(layout.request, record)
        return Task(key=key, package=record.package, jobdir=layout.root, limits=record.limits)

    def wait(self, task: Task, timeout: float = PATIENCE) -> Ended:
        """The end of a started task, as the executor pushes it."""
        self.await_end(task, timeout)
        return ended(task.jobdir)

    def await_end(self, task: Task, timeout: float = PATIENCE) -> None:
        """Wait without reading what it left."""
        assert self._ends[task.key].wait(timeout), f"no end within {timeout} s"

    def run(self, process: str, limits: Limits | None = None, /, **values: object) -> Ended:
        """Start, wait, release."""
        task = self.task(process, limits, **values)
        handle = self.executor.start(task)
        try:
            return self.wait(task)
        finally:
            self.executor.stop(handle, grace=timedelta(0))
            self.executor.release(handle)

    def running(self, process: str, limits: Limits | None = None, /, **values: object) -> tuple[Task, Handle]:
        """A started task whose process has made the file ``begun`` in its work directory."""
        task = self.task(process, limits, **values)
        handle = self.executor.start(task)
        until((Layout(task.jobdir).work / "begun").exists)
        return task, handle


def beats(task: Task) -> dict[str, int]:
    """What every process of ``crowd`` or ``runaway`` has written so far."""
    return {path.name: path.stat().st_size for path in Layout(task.jobdir).work.glob("beat.*")}


def phase(executor: Executor, handle: Handle) -> Phase:
    """What the executor says of one task."""
    return executor.poll([handle])[handle].phase


def ended(jobdir: Path) -> Ended:
    """What a job directory says of its execution's end."""
    layout = Layout(jobdir)
    return Ended(
        layout=layout,
        exit=read_record(ExitRecord, layout.exit),
        result=read_record(ResultRecord, layout.result) if layout.result.is_file() else None,
    )


def until(happens, timeout: float = PATIENCE) -> None:
    """Wait for something that no event tells of."""
    waiting = threading.Event()
    for _ in range(int(timeout / 0.005)):
        if happens():
            return
        waiting.wait(0.005)
    raise AssertionError(f"did not happen within {timeout} s: {happens}")


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and uncollected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
