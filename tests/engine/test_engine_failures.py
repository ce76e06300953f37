"""Executions and executors that fail."""
# ruff: noqa: A001 - "id" is the standards' own word

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloche.engine import attendant
from cloche.jobdir.files import write_record
from cloche.jobdir.records import (
    ExitRecord,
    ResultFailure,
    ResultOutput,
    ResultRecord,
)
from cloche.model.errors import NotEnoughStorage
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import FailureKind, Job, Usage
from cloche.model.limits import Limits
from cloche.model.state import State
from cloche.ports.executor import Refused, Unreachable
from cloche.ports.store import Move, StoreUnavailable
from disks import filled, small_disk
from engines import House, file, results, soon, spoil_fifo, spoil_symlink
from jobs import a_request


def test_a_failure_is_told_in_the_words_of_the_process(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    failure = ResultFailure(kind=FailureKind.INPUT, text="distance is absurd", locator="distance")
    house.executor.leave(id, ResultRecord(failure=failure), ok=False, code=1, usage=Usage(wall_s=2.0))
    job = house.ended(id)
    assert job.state is State.FAILED
    assert job.failure is not None
    assert (job.failure.kind, job.failure.text, job.failure.locator) == ("input", "distance is absurd", "distance")
    assert job.usage == Usage(wall_s=2.0)
    assert job.outputs == ()


def test_an_exceeded_limit_is_named(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.executor.leave(id, ok=False, code=None, signal=9, breach="memory limit of 1 GiB exceeded")
    failure = house.ended(id).failure
    assert failure is not None
    assert (failure.kind, failure.text) == (FailureKind.LIMIT, "memory limit of 1 GiB exceeded")


def test_a_job_that_finds_no_room_to_start_says_so(tmp_path: Path) -> None:
    with small_disk("tmpfs") as disk:
        (tmp_path / "work").symlink_to(disk)
        house = House(tmp_path)
        house.open()
        try:
            with filled(disk):
                job = house.ended(house.submit())
            assert job.failure is not None
            assert (job.failure.kind, job.failure.text) == ("internal", "There is no room left to start the job.")
        finally:
            house.close()
            house.store.close()


def spoil_hardlink(out: Path) -> str:
    (out / "one").write_text("x")
    (out / "two").hardlink_to(out / "one")
    return "two"


def spoil_folder(out: Path) -> str:
    (out / "folder").mkdir()
    return "folder"


def spoil_link_to_folder(out: Path) -> str:
    (out / "dir").symlink_to("/etc")
    return "dir/passwd"


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_symlink, spoil_fifo, spoil_hardlink, spoil_folder, spoil_link_to_folder,
        lambda out: "../../request.json", lambda out: "/etc/passwd", lambda out: "absent", lambda out: "",
        lambda out: "a\0b", lambda out: "x" * 5000,
    ],
)  # fmt: skip
def test_a_file_that_is_none_fails_the_job_and_reaches_nobody(house: House, spoil: Callable[[Path], str]) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.executor.leave(id, results(file(spoil(house.layout(id).out))))
    job = house.ended(id)
    assert job.failure is not None
    assert (job.failure.kind, job.failure.text) == (
        FailureKind.CRASH,
        "The process left no valid file for output text.",
    )
    assert list(house.storage.jobs()) == []


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ((file("f"), file("f")), "nobody asked for"),
        ((file("f"), file("f", "other")), "nobody asked for"),
        ((file("f", format=Format(media_type="text/html\r\nX: 1")),), "no valid file"),
        ((file("f", format=Format(media_type="")),), "no valid file"),
    ],
)
def test_wrong_outputs_fail_the_job(house: House, outputs: tuple[ResultOutput, ...], text: str) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    (house.layout(id).out / "f").write_text("x")
    house.executor.leave(id, results(*outputs))
    job = house.ended(id)
    assert job.failure is not None
    assert text in job.failure.text
    assert list(house.storage.jobs()) == []


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"outputs": 1}', '{"x": 1e999999}', "9" * 10_000, "\xff"])
def test_a_broken_result_fails_the_job(house: House, text: str) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.layout(id).result.write_text(text, encoding="latin-1")
    write_record(house.layout(id).exit, ExitRecord(ok=True, code=0))
    house.executor.vanish(id)
    failure = house.ended(id).failure
    assert failure is not None
    assert (failure.kind, failure.text) == (FailureKind.CRASH, "The process left no valid result.")


def test_outputs_have_limits(house: House) -> None:
    house.open()
    two = a_request(outputs=(OutputRequest(id="a"), OutputRequest(id="b")))
    many = house.submit(request=two, limits=Limits(outputs=1))
    large = house.submit(request=two, limits=Limits(output_size=100))
    for id in (many, large):
        house.until(id, State.RUNNING)
        for name in "ab":
            (house.layout(id).out / name).write_bytes(b"x" * 60)
        house.executor.leave(id, results(file("a", "a"), file("b", "b")))
    failures = [house.ended(id).failure for id in (many, large)]
    assert [f.text for f in failures if f] == ["limit of 1 outputs exceeded", "output size limit of 100 bytes exceeded"]
    assert {f.kind for f in failures if f} == {FailureKind.LIMIT}
    assert list(house.storage.jobs()) == []


def test_a_full_storage_fails_the_job(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise NotEnoughStorage("There is no room left to store the results.")

    monkeypatch.setattr(house.storage, "put", full)
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    (house.layout(id).out / "f").write_text("x")
    house.executor.leave(id, results(file("f")))
    failure = house.ended(id).failure
    assert failure is not None
    assert (failure.kind, failure.text) == (FailureKind.INTERNAL, "There is no room left to store the results.")


def test_an_execution_without_evidence_is_lost_after_a_while(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    begin = time.monotonic()
    house.executor.vanish(id)
    failure = house.ended(id).failure
    assert time.monotonic() - begin > 0.14
    assert failure is not None
    assert failure.kind is FailureKind.LOST
    assert "said the fake" in failure.text


def test_late_evidence_counts(house: House) -> None:
    house.open(lost_after=timedelta(seconds=5))
    id = house.submit()
    house.until(id, State.RUNNING)
    house.executor.vanish(id)
    time.sleep(0.1)
    assert house.job(id).state is State.RUNNING
    house.executor.leave(id)
    assert house.ended(id).state is State.SUCCEEDED


def test_evidence_forged_by_living_code_does_not_count(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    write_record(house.layout(id).exit, ExitRecord(ok=True, code=0))
    house.executor.on_change(id)
    time.sleep(0.1)
    assert house.job(id).state is State.RUNNING


def test_the_end_is_seen_without_a_push(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.executor.on_change = lambda _: None
    house.executor.leave(id)
    assert house.ended(id).state is State.SUCCEEDED


def test_what_is_refused_fails_with_the_reason(house: House) -> None:
    house.executor.errors["start"] = Refused("no room for 3 cores", detail="/etc/nodes")
    house.open()
    failure = house.ended(house.submit()).failure
    assert failure is not None
    assert failure.text == "no room for 3 cores"
    assert [line["detail"] for line in house.logs if line["event"] == "job not started"] == ["/etc/nodes"]


def test_nothing_is_concluded_from_silence(house: House) -> None:
    house.executor.errors["start"] = Unreachable("no answer")
    house.open()
    id = house.submit()
    soon(lambda: len(house.executor.called("start")) >= 2)
    assert house.job(id).state is State.STARTING
    del house.executor.errors["start"]
    house.until(id, State.RUNNING)
    house.executor.errors["poll"] = Unreachable("no answer")
    time.sleep(0.3)
    assert house.job(id).state is State.RUNNING
    del house.executor.errors["poll"]
    house.executor.leave(id)
    assert house.ended(id).state is State.SUCCEEDED


def test_a_start_that_went_through_unheard_is_not_repeated(house: House) -> None:
    start = house.executor.start

    def deaf(task: Any) -> Any:
        start(task)
        raise Unreachable("the answer was lost")

    house.executor.start = deaf  # type: ignore[method-assign]
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    assert house.executor.called("start") == [id]


@pytest.mark.parametrize("verb", ["start", "poll", "collect"])
def test_a_broken_executor_fails_its_job_and_the_engine_lives(house: House, verb: str) -> None:
    house.executor.errors[verb] = RuntimeError("bug")
    house.open()
    id = house.submit()
    if verb == "collect":
        house.until(id, State.RUNNING)
        house.executor.leave(id)
    job = house.ended(id)
    assert job.failure is not None
    assert (job.failure.kind, job.failure.text) == (FailureKind.INTERNAL, "An internal error ended the job.")
    assert any(log["log_level"] == "error" and log.get("job") == id for log in house.logs)
    house.executor.errors.clear()
    other = house.submit()
    house.until(other, State.RUNNING)
    house.executor.leave(other)
    assert house.ended(other).state is State.SUCCEEDED


def test_a_store_that_is_away_for_a_while_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    move, away = house.store.move, threading.Event()

    def sometimes(job: Job, to: State, change: Move | None = None) -> Job:
        if away.is_set():
            raise StoreUnavailable("the disk is full", full=True)
        return move(job, to, change)

    monkeypatch.setattr(house.store, "move", sometimes)
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    away.set()
    house.executor.leave(id)
    time.sleep(0.1)
    assert house.job(id).state is State.RUNNING
    away.clear()
    assert house.ended(id).state is State.SUCCEEDED


def full_of(*names: str) -> Callable[[House, pytest.MonkeyPatch], str]:
    """A job that filled the disk with these files of its work directory, and has ended well."""

    def fill(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
        move = house.store.move
        house.open()
        id = house.submit()
        house.until(id, State.RUNNING)
        files = [house.layout(id).work / name for name in names]
        for path in files:
            path.write_text("large")

        def cramped(job: Job, to: State, change: Move | None = None) -> Job:
            if any(path.exists() for path in files):
                raise StoreUnavailable("the disk is full", full=True)
            return move(job, to, change)

        monkeypatch.setattr(house.store, "move", cramped)
        return id

    return fill


def test_a_disk_full_of_scratch_keeps_no_job_from_its_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    id = full_of("scratch", "more")(house, monkeypatch)
    (house.layout(id).out / "f").write_text("x")
    house.executor.leave(id, results(file("f")))
    assert house.ended(id).state is State.SUCCEEDED


def test_a_disk_full_of_a_failed_execution_is_freed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    id = full_of("scratch", "out/f")(house, monkeypatch)
    house.executor.leave(id, ok=False, code=1)
    failure = house.ended(id).failure
    assert failure is not None
    assert failure.text == "The process ended with exit code 1."


def test_a_disk_full_of_outputs_fails_the_job_in_the_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendant, "FULL_S", 0.1)
    id = full_of("out/f")(house, monkeypatch)
    house.executor.leave(id, results(file("f")))
    failure = house.ended(id).failure
    assert failure is not None
    assert (failure.kind, failure.text) == (FailureKind.INTERNAL, "There is no room left to store the results.")


def test_a_full_disk_takes_nothing_from_what_runs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendant, "FULL_S", 0.0)
    id = full_of("scratch")(house, monkeypatch)

    def cramped(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full", full=True)

    monkeypatch.setattr(house.store, "note", cramped)
    house.layout(id).progress.write_text('{"percent": 1, "message": ""}\n')
    soon(lambda: any(line["event"] == "store unavailable" for line in house.logs))
    assert (house.layout(id).work / "scratch").exists()
