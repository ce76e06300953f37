"""An engine over a real store, real directories and real storage; executions are written by the test."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloche.engine.bell import LocalBell
from cloche.engine.engine import Engine
from cloche.engine.policy import Policy
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import (
    FileResult,
    ResultOutput,
    ResultRecord,
)
from cloche.jobdir.workspace import JobDirs
from cloche.model.data import ReferenceData
from cloche.model.errors import DataNotAccessible
from cloche.model.execute import Mode
from cloche.model.formats import Format
from cloche.model.job import Job
from cloche.model.state import ENDED, State, Wanted
from cloche.ports.store import Admission
from cloche.storage import FileStorage
from cloche.store import SqlStore
from executors import ScriptedExecutor
from jobs import a_job

TEXT = Format(media_type="text/plain")
QUICK = Policy(
    parallel=2, poll=timedelta(seconds=0.02), lost_after=timedelta(seconds=0.15), stop_grace=timedelta(seconds=1)
)


class OneFetcher:
    """Knows one address."""

    def fetch(self, reference: ReferenceData, *, into: Path, bodies: Path, max_bytes: int | None) -> int:
        if reference.href != "http://known/":
            raise DataNotAccessible("no such address")
        return into.write_bytes(b"fetched")

    def cancel(self, folder: Path) -> None:
        pass


class House:
    """An engine that can be stopped and started again over the same data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = SqlStore(root / "jobs.db")
        self.storage = FileStorage(root / "results")
        self.workspace = JobDirs(root / "work")
        self.executor = ScriptedExecutor()
        self.bell = LocalBell()
        self.policy = QUICK
        self.logs: list[Any] = []
        self.engine: Engine | None = None

    def open(self, worker: str = "boot:1", **policy: Any) -> None:
        self.policy = replace(self.policy, **policy)
        self.engine = Engine(
            store=self.store,
            storage=self.storage,
            workspace=self.workspace,
            executors={"fake": self.executor},
            fetcher=OneFetcher(),
            bell=self.bell,
            policy=self.policy,
            worker=worker,
        )
        self.engine.start()

    def close(self) -> None:
        if self.engine is not None:
            self.engine.stop()
        self.engine = None

    def submit(self, process: str = "echo", **changes: Any) -> str:
        job = a_job(process, **changes)
        self.workspace.adopt(job.id, None)
        self.store.add(job, admission=Admission(parallel=99, waiting=99), mode=Mode.ASYNC)
        if self.engine is not None:
            self.engine.wake()
        return job.id

    def job(self, id: str) -> Job:
        return self.store.get(id)

    def until(self, id: str, *states: State, timeout: float = 5) -> Job:
        soon(lambda: self.job(id).state in states, timeout)
        return self.job(id)

    def ended(self, id: str) -> Job:
        return self.until(id, *ENDED)

    def layout(self, id: str) -> Layout:
        return Layout(self.workspace.jobdir(id))


def soon(true: Callable[[], object], timeout: float = 5) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.003)


def want(house: House, id: str, wanted: Wanted) -> None:
    house.store.want(id, wanted)
    assert house.engine is not None
    house.engine.heed()


def results(*outputs: ResultOutput) -> ResultRecord:
    return ResultRecord(outputs=outputs)


def file(name: str, id: str = "text", format: Format = TEXT) -> ResultOutput:
    return ResultOutput(id=id, value=FileResult(file=name, format=format))


def spoil_symlink(out: Path) -> str:
    (out / "link").symlink_to("/etc/passwd")
    return "link"


def spoil_fifo(out: Path) -> str:
    os.mkfifo(out / "fifo")
    return "fifo"
