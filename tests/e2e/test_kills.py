"""The server is killed at every step of a job's way: every job ends once, in the right state, with its result."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import doomed
import needs
from cloche.executors.local.capabilities import probe
from cloche.executors.local.settings import LocalSettings
from cloche.jobdir.orders import Level
from cloche.model.data import LiteralData, StoredData
from cloche.model.job import Job
from cloche.model.state import TRANSITIONS, State, Wanted
from cloche.ports.executor import Phase
from cloche.ports.store import Query
from cloche.storage import FileStorage
from cloche.store import SqlStore

JOBS = 2
POINTS = [
    "store.claim.before",
    "store.claim.after",
    "executor.start.before",
    "executor.start.after",
    "store.move:running.after",
    "executor.poll:running.after",
    "executor.poll:gone.after",
    "store.move:finishing.after",
    "storage.put.before",
    "fdatasync",
    "storage.put.after",
    "store.move:succeeded.before",
    "store.move:succeeded.after",
    "workspace.strip.before",
]
AGAIN = ["store.claim.after", "executor.start.after", "store.move:finishing.after", "storage.put.after"]


@pytest.fixture
def root() -> Iterator[Path]:
    """Where a server would keep its data: not in /tmp, which executions may have of their own."""
    path = Path(tempfile.mkdtemp(prefix="cloche-kills-", dir="/var/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def die(root: Path, kind: str, point: str, jobs: int = JOBS, wishes: str = "") -> None:
    program = [sys.executable, doomed.__file__, str(root), kind, point, str(jobs), wishes]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def check(root: Path) -> None:
    """Every job succeeded, by moves of the table, with its result, and left nothing else behind."""
    store, storage = SqlStore(root / "jobs.db"), FileStorage(root / "results")
    jobs = store.list(Query())
    assert len(jobs) == JOBS
    for job in jobs:
        assert job.state is State.SUCCEEDED, job
        (text,) = (given.data.value for given in job.request.inputs if given.id == "text")  # type: ignore[union-attr]
        assert said(job, storage) == {"text": text, "file": text}
        states = [event.state for event in store.events(job.id)]
        assert all(to in TRANSITIONS[at] for at, to in pairwise(states))
        assert states.count(State.SUCCEEDED) == 1
    assert {path.name for path in (root / "results").iterdir()} == {job.id for job in jobs}
    assert sorted(path.name for path in (root / "results").glob("*/*")) == ["file.txt"] * JOBS
    assert not list((root / "work" / "jobs").glob("*/work"))
    store.close()


def said(job: Job, storage: FileStorage) -> dict[str, str]:
    values = {}
    for output in job.outputs:
        if isinstance(output.data, StoredData):
            values[output.id] = b"".join(storage.read(job.id, output.data.name)).decode()
        elif isinstance(output.data, LiteralData):
            values[output.id] = output.data.value
    return values


@pytest.mark.parametrize("point", POINTS)
def test_every_job_ends_once(root: Path, point: str) -> None:
    die(root, "fake", point)
    doomed.serve(root, "fake")
    check(root)
    runs = Counter((root / "work" / "runs.txt").read_text().split())
    assert set(runs.values()) == {1}
    assert len(runs) == JOBS


@pytest.mark.parametrize(
    "point",
    [
        "executor.poll:gone.after", "store.move:succeeded.before", "store.move:succeeded.after",
        "workspace.strip.before",
    ],
)  # fmt: skip
def test_a_job_without_files_ends_once(root: Path, point: str) -> None:
    """It is taken over in one move."""
    with doomed.opened(root, Level.PROCESS.value) as server:
        server.engine.stop()
        jobs = [doomed.submit(server.store, server.workspace, number, files=False) for number in range(JOBS)]
    die(root, Level.PROCESS.value, point, 0)
    doomed.serve(root, Level.PROCESS.value)
    store = SqlStore(root / "jobs.db")
    way = [State.ACCEPTED, State.STARTING, State.RUNNING, State.SUCCEEDED]
    for number, job in enumerate(map(store.get, jobs)):
        assert said(job, FileStorage(root / "results")) == {"text": f"text {number}"}
        assert [event.state for event in store.events(job.id)] == way
    store.close()


def test_a_server_that_is_killed_again_and_again_gets_there(root: Path) -> None:
    for number, point in enumerate(AGAIN):
        die(root, "fake", point, 0 if number else JOBS)
    doomed.serve(root, "fake")
    check(root)
    assert set(Counter((root / "work" / "runs.txt").read_text().split()).values()) == {1}


@pytest.mark.parametrize("point", ["executor.start.after", "executor.poll:running.after", "fdatasync"])
@pytest.mark.parametrize("level", list(Level), ids=lambda level: level.value)
def test_executions_behind_walls_outlive_their_server(root: Path, level: Level, point: str) -> None:
    need(root, level)
    die(root, level.value, point)
    doomed.serve(root, level.value)
    check(root)


def need(root: Path, level: Level) -> None:
    user = doomed.NOBODY if os.getuid() == 0 else None
    missing = probe(LocalSettings(name="fake", level=level, jobs=root, user=user)).missing[level]
    needs.need(f"local-{level.value}", when=not missing, reason=missing)


def phase(server: doomed.Server, job: Job) -> Phase:
    handle = server.executor.find(job.id, server.workspace.jobdir(job.id))
    assert handle is not None
    return server.executor.poll([handle])[handle].phase


PAUSES = [
    "executor.pause.before",  # wanted, and written
    "executor.pause.after",
    "executor.poll:paused.after",  # stands still, and nobody has recorded it
    "store.move:paused.before",
    "store.move:paused.after",
]


@pytest.mark.parametrize("point", PAUSES)
@pytest.mark.parametrize("level", [Level.PROCESS, Level.FULL], ids=lambda level: level.value)
def test_a_pause_outlives_a_death_at_every_step(root: Path, level: Level, point: str) -> None:
    need(root, level)
    die(root, level.value, point, 1, "pause")
    with doomed.opened(root, level.value) as server:
        (job,) = server.store.unended()
        server.until(job.id, State.PAUSED)
        assert phase(server, job) is Phase.PAUSED
        server.want(job.id, Wanted.RUN)
        server.until(job.id, State.SUCCEEDED)
    store, storage = SqlStore(root / "jobs.db"), FileStorage(root / "results")
    assert said(store.get(job.id), storage) == {"text": "text 0", "file": "text 0"}
    store.close()


@pytest.mark.parametrize("point", ["executor.resume.before", "executor.resume.after", "store.move:running.before"])
def test_a_resume_outlives_a_death_at_every_step(root: Path, point: str) -> None:
    """The first server paused the job; the second dies while the job is to go on."""
    need(root, Level.FULL)
    die(root, "full", "store.move:paused.after", 1, "pause")
    store = SqlStore(root / "jobs.db")
    (job,) = store.unended()
    store.want(job.id, Wanted.RUN)
    die(root, "full", point, 0)
    with doomed.opened(root, "full") as server:
        server.until(job.id, State.SUCCEEDED)
    states = [event.state for event in store.events(job.id)]
    assert states.count(State.PAUSED) == 1
    store.close()


STOPS = [
    "executor.stop.before",
    "executor.stop.after",
    "executor.poll:gone.after",
    "store.move:dismissed.before",
    "store.move:dismissed.after",
    "workspace.strip.before",
]


@pytest.mark.parametrize("point", STOPS)
@pytest.mark.parametrize("wishes", ["stop", "pause+stop"])
def test_a_dismissal_outlives_a_death_at_every_step(root: Path, wishes: str, point: str) -> None:
    need(root, Level.FULL)
    die(root, "full", point, 1, wishes)
    with doomed.opened(root, "full") as server:
        (job,) = server.store.list(Query())
        server.until(job.id, State.DISMISSED, timeout=2)
        handle = server.executor.find(job.id, server.workspace.jobdir(job.id))
        assert handle is None or server.executor.poll([handle])[handle].phase is Phase.GONE
    doomed.serve(root, "full")
    assert not list((root / "results").iterdir())
    assert not list((root / "work" / "jobs").glob("*/work"))
