"""What clients want of jobs."""
# ruff: noqa: A001 - "id" is the standards' own word

import threading
import time
from pathlib import Path

from cloche.model.data import Input, ReferenceData
from cloche.model.state import State, Wanted
from engines import TEXT, House, file, results, soon, want
from executors import PausableExecutor
from jobs import a_request


def test_a_waiting_job_is_dismissed_at_once(house: House) -> None:
    house.open(parallel=0)
    id = house.submit()
    want(house, id, Wanted.STOP)
    assert house.ended(id).state is State.DISMISSED
    soon(lambda: not house.layout(id).root.exists())


def test_a_running_job_is_dismissed_when_its_end_is_proven(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    want(house, id, Wanted.STOP)
    soon(lambda: house.executor.called("stop") == [id])
    time.sleep(0.05)
    assert house.job(id).state is State.RUNNING
    (house.layout(id).out / "f").write_text("half")
    house.executor.leave(id, results(file("f")), ok=False, code=None, signal=15)
    job = house.ended(id)
    assert (job.state, job.outputs, job.failure) == (State.DISMISSED, (), None)
    assert house.executor.called("stop") == [id]
    assert list(house.storage.jobs()) == []


def test_a_job_that_vanishes_while_it_is_stopped_is_dismissed(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    want(house, id, Wanted.STOP)
    soon(lambda: house.executor.called("stop"))
    house.executor.vanish(id)
    assert house.ended(id).state is State.DISMISSED


def test_a_job_dismissed_while_it_is_staged_never_starts(house: House) -> None:
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
    want(house, id, Wanted.STOP)
    time.sleep(0.05)
    go_on.set()
    assert house.ended(id).state is State.DISMISSED
    assert house.executor.called("start") == []


def test_a_waiting_job_is_held_back(house: House) -> None:
    id = house.submit()
    house.store.want(id, Wanted.PAUSE)
    house.open()
    time.sleep(0.06)
    assert house.job(id).state is State.ACCEPTED
    want(house, id, Wanted.RUN)
    house.until(id, State.RUNNING)


def test_a_running_job_is_paused_and_resumed(house: House) -> None:
    house.executor = PausableExecutor()
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    want(house, id, Wanted.PAUSE)
    house.until(id, State.PAUSED)
    want(house, id, Wanted.RUN)
    house.until(id, State.RUNNING)
    want(house, id, Wanted.PAUSE)
    house.until(id, State.PAUSED)
    want(house, id, Wanted.STOP)
    soon(lambda: house.executor.called("stop"))
    house.executor.leave(id, ok=False, signal=9)
    assert house.ended(id).state is State.DISMISSED
