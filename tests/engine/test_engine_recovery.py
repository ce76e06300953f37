"""Ends and starts of servers, and what is done now and then."""
# ruff: noqa: A001 - "id" is the standards' own word

import shutil
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from cloche.jobdir.files import write_record
from cloche.jobdir.records import (
    ExitRecord,
)
from cloche.model.data import Input, ReferenceData
from cloche.model.errors import DataNotAccessible, NoSuchJob
from cloche.model.job import FailureKind, Job
from cloche.model.state import State
from cloche.ports.executor import Phase
from cloche.ports.store import Move
from engines import TEXT, House, file, results, soon
from jobs import a_request


def test_a_running_job_is_adopted(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.close()
    assert house.job(id).state is State.RUNNING
    house.executor.leave(id)
    house.open(worker="boot:2")
    assert house.ended(id).state is State.SUCCEEDED
    assert house.executor.called("start") == [id]


def claimed_before(house: House, worker: str = "boot:0") -> Job:
    house.submit()
    (job,) = house.store.claim(worker, parallel=9, per_process={}, limit=1)
    return job


def test_a_start_that_was_not_recorded_is_found(house: House) -> None:
    job = claimed_before(house)
    house.executor.phases[job.id] = Phase.RUNNING
    house.executor.tasks[job.id] = None  # type: ignore[assignment]
    house.open()
    assert house.until(job.id, State.RUNNING).handle == f"native {job.id}"
    assert house.executor.called("start") == []


def test_a_claim_that_came_to_nothing_is_started(house: House) -> None:
    job = claimed_before(house)
    house.open()
    house.until(job.id, State.RUNNING)
    assert house.executor.called("start") == [job.id]


def test_an_interrupted_collection_is_repeated(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.close()
    house.store.move(house.job(id), State.FINISHING)
    (house.layout(id).out / "f").write_text("whole")
    house.executor.leave(id, results(file("f")))
    (house.root / "results" / id).mkdir()
    (house.root / "results" / id / "text").write_text("ha")
    house.open()
    assert house.ended(id).state is State.SUCCEEDED
    assert b"".join(house.storage.read(id, "text")) == b"whole"


@pytest.mark.parametrize("state", [State.STARTING, State.RUNNING, State.PAUSED, State.FINISHING])
def test_what_died_with_the_host_is_lost_whatever_lies_there(house: House, state: State) -> None:
    job = claimed_before(house, "another boot:1")
    house.executor.tasks[job.id] = None  # type: ignore[assignment]
    for step in {State.STARTING: (), State.RUNNING: (State.RUNNING,)}.get(state, (State.RUNNING, state)):
        job = house.store.move(job, step, Move(handle="h"))
    write_record(house.layout(job.id).result, results())
    write_record(house.layout(job.id).exit, ExitRecord(ok=True, code=0))
    waiting = house.submit()
    house.open(worker="this boot:2")
    failure = house.ended(job.id).failure
    assert failure is not None
    assert failure.kind is FailureKind.LOST
    assert "the host was restarted" in failure.text
    house.until(waiting, State.RUNNING)


def test_what_runs_elsewhere_outlives_the_host(house: House) -> None:
    job = house.store.move(claimed_before(house, "another boot:1"), State.RUNNING, Move(handle=f"native {'x'}"))
    house.executor.phases["x"] = Phase.RUNNING
    house.executor.phases[job.id] = Phase.RUNNING
    house.open(worker="this boot:2", remote=frozenset({"fake"}))
    time.sleep(0.05)
    assert house.job(job.id).state is State.RUNNING


def test_a_job_of_a_mode_that_is_not_set_up_any_more_ends(house: House) -> None:
    waiting = house.submit(executor="docker")
    (job,) = house.store.claim("boot:0", parallel=9, per_process={}, limit=1)
    running = house.store.move(job, State.RUNNING, Move(handle="h"))
    waiting = house.submit(executor="docker")
    house.open()
    for id, kind in ((running.id, FailureKind.LOST), (waiting, FailureKind.INTERNAL)):
        failure = house.ended(id).failure
        assert failure is not None
        assert failure.kind is kind
        assert "docker" in failure.text


def test_stopping_gives_back_what_has_not_started(house: House) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: object, into: Path, **__: object) -> int:
        begun.set()
        go_on.wait(5)
        return into.write_bytes(b"x")

    house.open()
    assert house.engine is not None
    house.engine._attendant._fetcher.fetch = slow  # type: ignore[method-assign]
    id = house.submit(request=a_request(inputs=(Input(id="a", data=ReferenceData(href="http://known/", format=TEXT)),)))
    begun.wait(5)
    threading.Timer(0.1, go_on.set).start()
    house.close()
    assert house.job(id).state is State.ACCEPTED
    house.open()
    assert house.until(id, State.RUNNING).attempt == 2


def test_stopping_does_not_wait_for_slow_staging(house: House) -> None:
    begun, go_on = threading.Event(), threading.Event()
    house.open()
    assert house.engine is not None
    engine = house.engine

    def slow(*_: object, **__: object) -> int:
        begun.set()
        go_on.wait(20)
        raise DataNotAccessible("ended")

    engine._attendant._fetcher.fetch = slow  # type: ignore[method-assign]
    house.submit(request=a_request(inputs=(Input(id="a", data=ReferenceData(href="http://known/", format=TEXT)),)))
    begun.wait(5)
    begin = time.monotonic()
    engine.stop(timeout=0.2)
    assert time.monotonic() - begin < 2
    go_on.set()
    soon(lambda: not engine._crew.threads)


def test_what_belongs_to_no_job_is_swept(house: House) -> None:
    house.workspace.adopt("stranger", None)
    house.workspace.intake()
    (house.root / "results" / "stranger").mkdir()
    waiting = house.submit()
    ended = house.submit()
    house.store.move(house.job(ended), State.FAILED)
    house.open(parallel=0)
    assert not house.workspace.jobdir("stranger").exists()
    assert not house.layout(ended).work.exists()
    assert house.layout(waiting).inputs.exists()
    assert list(house.storage.jobs()) == []
    assert list((house.root / "work" / "intake").iterdir()) == []


def test_what_expired_is_forgotten(house: House) -> None:
    house.open(keep_results=timedelta(0))
    id = house.submit()
    house.until(id, State.RUNNING)
    house.layout(id).stdout.write_text("printed")
    (house.layout(id).out / "f").write_text("x")
    house.executor.leave(id, results(file("f")))
    soon(lambda: house.executor.called("release"))
    house.close()
    house.open()

    def forgotten() -> bool:
        try:
            house.job(id)
        except NoSuchJob:
            return True
        return False

    soon(forgotten)
    assert list(house.storage.jobs()) == []
    assert not house.layout(id).root.exists()


def test_a_missing_job_directory_ends_its_job(house: House) -> None:
    house.open(parallel=0)
    id = house.submit()
    shutil.rmtree(house.layout(id).root)
    house.close()
    house.open(parallel=1)
    assert house.ended(id).state is State.FAILED
