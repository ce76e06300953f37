"""A job's way, its slots and its progress."""
# ruff: noqa: A001, A006 - "id" is the standards' own word

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloche.engine.clock import DeadlineClock
from cloche.engine.housekeeping import Housekeeper
from cloche.jobdir.files import read_record
from cloche.jobdir.records import (
    BoundingBoxResult,
    LiteralResult,
    ResultOutput,
    TaskRecord,
)
from cloche.model.data import BoundingBoxData, ComplexData, Input, LiteralData, Output, ReferenceData, StoredData
from cloche.model.errors import NoSuchJob
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import FailureKind, Usage
from cloche.model.limits import Limits
from cloche.model.state import State, Wanted
from engines import TEXT, House, file, results, soon, spoil_fifo, spoil_symlink, want
from jobs import a_job, a_request

GZIP = Format(media_type="application/gzip")


def test_a_job_goes_its_way(house: House) -> None:
    house.open(keep_results=timedelta(hours=1))
    id = house.submit(limits=Limits(memory=1 << 30))
    running = house.until(id, State.RUNNING)
    assert running.handle == f"native {id}"
    assert running.started is not None
    task = read_record(TaskRecord, house.layout(id).request)
    assert task == TaskRecord(
        job=id, package="tests", process="echo", inputs=running.request.inputs, outputs=running.request.outputs,
        limits=Limits(memory=1 << 30),
    )  # fmt: skip
    assert house.executor.tasks[id].limits == Limits(memory=1 << 30)
    house.executor.leave(id, usage=Usage(cpu_s=1.5))
    job = house.ended(id)
    assert job.state is State.SUCCEEDED
    assert job.outputs == (Output(id="text", data=LiteralData(value="done")),)
    assert (job.usage, job.progress) == (Usage(cpu_s=1.5), 100)
    assert job.finished is not None
    assert job.expires == job.finished + timedelta(hours=1)
    soon(lambda: not house.layout(id).root.exists())
    assert house.executor.called("release") == [id]
    assert [event.state for event in house.store.events(id)] == [
        State.ACCEPTED, State.STARTING, State.RUNNING, State.SUCCEEDED,
    ]  # fmt: skip


def test_files_are_collected_in_a_state_of_its_own(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    (house.layout(id).out / "f").write_text("whole")
    house.executor.leave(id, results(file("f")), usage=Usage(cpu_s=2.5))
    job = house.ended(id)
    assert (job.state, job.usage, len(job.outputs)) == (State.SUCCEEDED, Usage(cpu_s=2.5), 1)
    assert [event.state for event in house.store.events(id)] == [
        State.ACCEPTED, State.STARTING, State.RUNNING, State.FINISHING, State.SUCCEEDED,
    ]  # fmt: skip


def test_every_move_rings(house: House) -> None:
    seen: list[State] = []
    job = a_job()
    house.bell.subscribe(job.id, lambda: seen.append(house.job(job.id).state))
    house.open()
    house.submit(id=job.id)
    house.until(job.id, State.RUNNING)
    house.executor.leave(job.id)
    house.ended(job.id)
    soon(lambda: seen == [State.RUNNING, State.SUCCEEDED])


def test_outputs_of_every_kind(house: House) -> None:
    house.open()
    names = ("number", "box", "über/map", "uber map")
    id = house.submit(request=a_request(outputs=tuple(OutputRequest(id=name) for name in names)))
    house.until(id, State.RUNNING)
    out = house.layout(id).out
    (out / "deep").mkdir()
    (out / "deep" / "a.tar.gz").write_bytes(b"12345")
    (out / "b").write_bytes(b"")
    box = BoundingBoxResult(lower=(1.0, 2.0), upper=(3.0, 4.0), crs="EPSG:4326")
    house.executor.leave(
        id,
        results(
            ResultOutput(id="number", value=LiteralResult(value="4", uom="metre")),
            ResultOutput(id="box", value=box),
            file("deep/a.tar.gz", "über/map", Format(media_type="application/gzip", schema="http://x/\r\nevil: 1")),
            file("b", "uber map"),
        ),
    )
    job = house.ended(id)
    assert job.failure is None
    assert job.outputs == (
        Output(id="number", data=LiteralData(value="4", uom="metre")),
        Output(id="box", data=BoundingBoxData(lower=(1.0, 2.0), upper=(3.0, 4.0), crs="EPSG:4326")),
        Output(id="über/map", data=StoredData(name="ber_map.tar.gz", format=GZIP, size=5)),
        Output(id="uber map", data=StoredData(name="uber_map", format=TEXT, size=0)),
    )  # fmt: skip
    assert b"".join(house.storage.read(id, "ber_map.tar.gz")) == b"12345"


def test_an_optional_output_may_be_absent(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.executor.leave(id, results())
    job = house.ended(id)
    assert (job.state, job.outputs) == (State.SUCCEEDED, ())


def test_names_in_storage_do_not_collide(house: House) -> None:
    house.open()
    id = house.submit(request=a_request(outputs=(OutputRequest(id="a b"), OutputRequest(id="a_b"))))
    house.until(id, State.RUNNING)
    for name in ("1.txt", "2.txt"):
        (house.layout(id).out / name).write_text(name)
    house.executor.leave(id, results(file("1.txt", "a b"), file("2.txt", "a_b")))
    names = [output.data.name for output in house.ended(id).outputs if isinstance(output.data, StoredData)]
    assert names == ["a_b.txt", "a_b-2.txt"]
    assert b"".join(house.storage.read(id, "a_b-2.txt")) == b"2.txt"


def test_work_is_kept_where_the_operator_wants_it(house: House) -> None:
    house.open(keep_workdir=True)
    id = house.submit()
    house.until(id, State.RUNNING)
    house.executor.leave(id)
    house.ended(id)
    soon(lambda: house.executor.called("release"))
    assert house.layout(id).result.exists()


def test_what_was_printed_outlives_the_work(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    house.layout(id).stderr.write_text("warning\n")
    house.executor.leave(id)
    house.ended(id)
    soon(lambda: not house.layout(id).work.exists())
    assert house.workspace.log(id) == "warning\n"


def test_references_become_files(house: House) -> None:
    house.open()
    reference = ReferenceData(href="http://known/", format=Format(media_type="application/json"))
    id = house.submit(request=a_request(inputs=(Input(id="a", data=reference),)))
    house.until(id, State.RUNNING)
    task = read_record(TaskRecord, house.layout(id).request)
    assert task is not None
    (given,) = task.inputs
    assert given.data == ComplexData(file="reference-0.json", format=reference.format, size=7)
    assert (house.layout(id).inputs / "reference-0.json").read_bytes() == b"fetched"


def test_a_reference_that_cannot_be_had_fails_the_job(house: House) -> None:
    house.open()
    id = house.submit(request=a_request(inputs=(Input(id="a", data=ReferenceData(href="http://x/", format=TEXT)),)))
    failure = house.ended(id).failure
    assert failure is not None
    assert (failure.kind, failure.text, failure.locator) == (FailureKind.REFERENCE, "no such address", "a")
    assert house.executor.calls == []


def test_slots_are_filled_in_order_and_freed_at_the_end(house: House) -> None:
    house.open()
    ids = [house.submit() for _ in range(4)]
    soon(lambda: len(house.executor.called("start")) == 2)
    time.sleep(0.08)
    assert sorted(house.executor.called("start")) == sorted(ids[:2])
    house.executor.leave(ids[1])
    house.until(ids[2], State.RUNNING)
    assert house.job(ids[3]).state is State.ACCEPTED


def test_processes_have_limits_of_their_own(house: House) -> None:
    house.open(per_process=lambda: {"slow": 1})
    first, second, other = house.submit("slow"), house.submit("slow"), house.submit("quick")
    house.until(other, State.RUNNING)
    house.until(first, State.RUNNING)
    assert house.job(second).state is State.ACCEPTED
    house.executor.leave(first)
    house.until(second, State.RUNNING)


def test_a_job_waits_no_longer_than_it_may(house: House) -> None:
    house.open(parallel=0)
    created = datetime.now(UTC) - timedelta(seconds=10)
    patient, late = (house.submit(created=created, limits=Limits(queue_time=time)) for time in (60, 9.5))
    failure = house.ended(late).failure
    assert failure is not None
    assert (failure.kind, failure.text) == (FailureKind.LIMIT, "queue time limit of 9.5 s exceeded")
    soon(lambda: not house.layout(late).root.exists())
    assert house.job(patient).state is State.ACCEPTED


def test_deadlines_do_not_jump_with_the_clock(house: House) -> None:
    hands = {"wall": time.time(), "passed": 0.0}
    clock = DeadlineClock(wall=lambda: hands["wall"], passed=lambda: hands["passed"])
    house.open(parallel=0, keep_results=timedelta(minutes=1))
    waiting, ended = house.submit(limits=Limits(queue_time=3600)), house.submit(limits=Limits(queue_time=3600))
    want(house, ended, Wanted.STOP)
    house.until(ended, State.DISMISSED)
    intake = house.workspace.intake()
    house.close()
    keeper = Housekeeper(
        store=house.store,
        storage=house.storage,
        workspace=house.workspace,
        bell=house.bell,
        policy=house.policy,
        clock=clock,
    )

    def keep_house() -> None:
        keeper.fail_overdue()
        keeper.expire()
        keeper.sweep(idle=10)

    hands["wall"] += 86400  # nothing has passed
    keep_house()
    assert house.job(waiting).state is State.ACCEPTED
    assert house.job(ended).state is State.DISMISSED
    hands["passed"] += 61
    hands["wall"] += 61
    keep_house()
    assert house.job(waiting).state is State.ACCEPTED
    with pytest.raises(NoSuchJob):
        house.job(ended)
    assert intake.path.exists()
    hands["passed"] += 3600
    hands["wall"] += 3600
    keeper.fail_overdue()
    assert house.job(waiting).state is State.FAILED


def test_an_idle_engine_starts_a_job_at_once(house: House) -> None:
    house.open()
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        id = house.submit()
        soon(lambda id=id: id in house.executor.tasks)
        times.append(time.perf_counter() - begin)
        house.until(id, State.RUNNING)
        house.executor.leave(id)
        house.ended(id)
    assert sorted(times)[len(times) // 2] < 0.05


def test_progress_is_told_while_it_is_made(house: House) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    rung: list[int] = []
    house.bell.subscribe(id, lambda: rung.append(house.job(id).progress))
    path = house.layout(id).progress
    path.write_text('{"percent": 10, "message": "first"}\n{"percent": 20, "message": "second"}\n{"perc')
    soon(lambda: house.job(id).progress == 20)
    assert house.job(id).message == "second"
    with path.open("a") as lines:
        lines.write('ent": 30}\nnonsense\n{"percent": 400}\n')
    soon(lambda: house.job(id).progress == 30)
    assert rung == [20, 30]
    house.executor.leave(id)
    assert house.ended(id).message == ""


@pytest.mark.parametrize("make", [spoil_symlink, spoil_fifo])
def test_progress_leads_nowhere_else(house: House, make: Callable[[Path], str]) -> None:
    house.open()
    id = house.submit()
    house.until(id, State.RUNNING)
    work = house.layout(id).work
    (work / make(work)).rename(house.layout(id).progress)
    time.sleep(0.06)
    house.executor.leave(id)
    assert house.ended(id).state is State.SUCCEEDED
