"""What clients want of jobs."""
# ruff: noqa: A001 - "id" is the standards' own word

import threading
import time
from concurrent.futures import CancelledError
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


def test_a_job_dismissed_while_its_outputs_are_collected_keeps_none(house: House) -> None:
    house.open()
    begun, go_on = threading.Event(), threading.Event()
    put = house.storage.put

    def slow(*arguments: object, **named: object) -> object:
        begun.set()
        go_on.wait(5)
        return put(*arguments, **named)  # type: ignore[arg-type]

    house.storage.put = slow  # type: ignore[assignment,method-assign]
    id = house.submit()
    house.until(id, State.RUNNING)
    (house.layout(id).out / "f").write_text("whole")
    house.executor.leave(id, results(file("f")))
    assert begun.wait(5)
    house.until(id, State.FINISHING)
    want(house, id, Wanted.STOP)
    go_on.set()
    job = house.ended(id)
    assert (job.state, job.outputs, job.failure) == (State.DISMISSED, (), None)
    assert list(house.storage.jobs()) == []
    assert house.executor.called("release") == [id]


def test_a_dismissal_at_the_last_moment_counts(house: House) -> None:
    house.open()
    move = house.store.move

    def late(job: object, to: State, *rest: object) -> object:
        if to is State.SUCCEEDED:
            house.store.want(id, Wanted.STOP)
        return move(job, to, *rest)  # type: ignore[arg-type]

    house.store.move = late  # type: ignore[assignment,method-assign]
    id = house.submit()
    house.until(id, State.RUNNING)
    (house.layout(id).out / "f").write_text("whole")
    house.executor.leave(id, results(file("f")))
    job = house.ended(id)
    assert (job.state, job.outputs) == (State.DISMISSED, ())
    assert list(house.storage.jobs()) == []


def test_a_job_dismissed_while_its_inputs_are_fetched_ends_at_once(house: House) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def endless(*_: object, **__: object) -> int:
        begun.set()
        assert cancelled.wait(10)
        raise CancelledError

    house.open()
    assert house.engine is not None
    fetcher = house.engine._attendant._fetcher
    fetcher.fetch = endless  # type: ignore[method-assign]
    fetcher.cancel = lambda folder: cancelled.set() if folder == house.layout(id).root else None  # type: ignore[method-assign]
    id = house.submit(request=a_request(inputs=(Input(id="a", data=ReferenceData(href="http://known/", format=TEXT)),)))
    assert begun.wait(5)
    want(house, id, Wanted.STOP)
    assert house.ended(id).state is State.DISMISSED
    assert house.executor.called("start") == []


def test_a_job_whose_inputs_are_fetched_when_the_server_ends_waits_for_the_next(house: House) -> None:
    begun, closed = threading.Event(), threading.Event()

    def endless(*_: object, **__: object) -> int:
        begun.set()
        closed.wait(10)
        raise CancelledError

    house.open()
    assert house.engine is not None
    fetcher = house.engine._attendant._fetcher
    fetch, fetcher.fetch = fetcher.fetch, endless  # type: ignore[method-assign]
    id = house.submit(request=a_request(inputs=(Input(id="a", data=ReferenceData(href="http://known/", format=TEXT)),)))
    assert begun.wait(5)
    threading.Timer(0.1, closed.set).start()
    house.close()
    assert house.job(id).state is State.ACCEPTED
    fetcher.fetch = fetch  # type: ignore[method-assign]
    house.open()
    house.until(id, State.RUNNING)


def test_a_job_paused_while_it_is_started_stands_still_as_soon_as_it_can(house: House) -> None:
    house.executor = PausableExecutor()
    begun, go_on = threading.Event(), threading.Event()
    start = house.executor.start

    def slow(task: object) -> object:
        begun.set()
        go_on.wait(5)
        return start(task)  # type: ignore[arg-type]

    house.executor.start = slow  # type: ignore[assignment,method-assign]
    house.open()
    id = house.submit()
    assert begun.wait(5)
    want(house, id, Wanted.PAUSE)
    go_on.set()
    house.until(id, State.PAUSED)


def test_a_job_that_ends_before_its_pause_has_ended(house: House) -> None:
    house.executor = PausableExecutor()
    house.executor.pause = lambda _: None  # type: ignore[method-assign]
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    want(house, id, Wanted.PAUSE)
    house.executor.leave(id)
    assert house.ended(id).state is State.SUCCEEDED


def test_a_drained_engine_claims_nothing_and_waits_for_what_runs(house: House) -> None:
    house.executor = PausableExecutor()
    house.open(parallel=2)
    running, paused, waiting = house.submit(), house.submit(), house.submit()
    house.until(running, State.RUNNING)
    house.until(paused, State.RUNNING)
    want(house, paused, Wanted.PAUSE)
    house.until(paused, State.PAUSED)
    assert house.engine is not None
    assert house.engine.drain(0.1) == 1
    threading.Timer(0.1, house.executor.leave, (running,)).start()
    assert house.engine.drain(5) == 0  # the paused one is not waited for
    house.ended(running)
    time.sleep(0.06)
    assert house.job(waiting).state is State.ACCEPTED
