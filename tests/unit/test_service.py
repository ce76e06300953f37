"""The service over fakes: what is queued, what is refused, what waits, what is handed out."""

import errno
import threading
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from cloche.model.data import ComplexData, Input, LiteralData, Output, StoredData
from cloche.model.domains import ComplexDomain, Datatype, LiteralDomain
from cloche.model.errors import (
    MissingInput,
    NoSuchJob,
    NoSuchMode,
    NoSuchOutput,
    NoSuchProcess,
    NotEnoughStorage,
    NotPossible,
    ProcessUnavailable,
    ResultNotReady,
    ServerBusy,
    SizeExceeded,
)
from cloche.model.execute import Execute, Mode
from cloche.model.formats import Format
from cloche.model.limits import Limits
from cloche.model.process import JobControl, Parameter, ProcessDescription
from cloche.model.state import State, Wanted
from cloche.ports.catalog import Published
from cloche.ports.store import Admission
from cloche.service.policy import Policy
from cloche.service.service import Service

JSON = Format(media_type="application/json")
ECHO = ProcessDescription(
    id="echo",
    version="2.1",
    title="Echo",
    inputs=(
        Parameter(id="n", title="N", domain=LiteralDomain(datatype=Datatype.INTEGER)),
        Parameter(id="data", title="Data", domain=ComplexDomain(formats=(JSON,)), min_occurs=0),
    ),
    outputs=(Parameter(id="out", title="Out", domain=ComplexDomain(formats=(JSON,))),),
    limits=Limits(memory=100, run_time=500),
    parallel=2,
)


class Catalog:
    def __init__(self):
        self.descriptions = [
            ECHO,
            replace(ECHO, id="sync", job_control=(JobControl.SYNC,)),
            replace(ECHO, id="async", job_control=(JobControl.ASYNC,)),
            replace(ECHO, id="still", mode="still"),
            replace(ECHO, id="broken"),
            replace(ECHO, id="elsewhere", mode="nowhere"),
        ]

    def get(self, id):
        for description in self.descriptions:
            if description.id == id:
                return Published(description=description, package="a.package", available=id != "broken")
        raise NoSuchProcess(id)

    def processes(self):
        return [self.get(d.id) for d in self.descriptions]

    def problems(self):
        return []

    def version(self):
        return 7


class Store:
    def __init__(self):
        self.rows, self.added, self.failure = {}, [], None

    def add(self, job, *, admission, mode, once=None):
        if self.failure:
            raise self.failure
        self.rows[job.id] = replace(job, position=len(self.rows) + 1)
        self.added.append((admission, mode))
        return self.rows[job.id]

    def get(self, id):
        if id not in self.rows:
            raise NoSuchJob(id)
        return self.rows[id]

    def list(self, query):
        return list(self.rows.values())

    def want(self, id, wanted):
        job = self.get(id)
        if job.state not in (State.SUCCEEDED, State.FAILED, State.DISMISSED):
            self.rows[id] = replace(job, wanted=wanted)
        return self.rows[id]

    def events(self, id, *, after=0):
        return []

    def delete(self, id):
        self.rows.pop(id, None)

    def set(self, id, **change):
        self.rows[id] = replace(self.rows[id], **change)


class Intake:
    def __init__(self):
        self.path, self.discarded = Path("/nowhere"), 0

    def discard(self):
        self.discarded += 1


class Workspace:
    def __init__(self):
        self.adopted, self.removed, self.failure = {}, [], None

    def intake(self):
        return Intake()

    def adopt(self, job, intake):
        if self.failure:
            raise self.failure
        self.adopted[job] = intake

    def remove(self, job):
        self.adopted.pop(job, None)
        self.removed.append(job)

    def log(self, job):
        return f"printed by {job}"


class Storage:
    def __init__(self):
        self.files, self.deleted = {}, []

    def read(self, job, name, *, start=0, length=None):
        if (job, name) not in self.files:
            raise FileNotFoundError(name)
        yield self.files[job, name][:2]
        yield self.files[job, name][2:]

    def path(self, job, name):
        return Path("/results") / job / name

    def delete(self, job):
        self.deleted.append(job)


class Bell:
    def __init__(self):
        self.listeners = []

    def subscribe(self, job, listener, *, end_only=False):
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def ring(self, job):
        for listener in list(self.listeners):
            listener()


class Waker:
    def __init__(self):
        self.woken = self.heeded = 0

    def wake(self):
        self.woken += 1

    def heed(self):
        self.heeded += 1


class Runs:
    name = "runs"

    def pause(self, handle): ...

    def resume(self, handle): ...


class Stiff:
    name = "still"


class House:
    """The service with what stands around it."""

    def __init__(self):
        self.catalog, self.store, self.storage, self.workspace = Catalog(), Store(), Storage(), Workspace()
        self.waker, self.bell = Waker(), Bell()
        self.service = Service(
            catalog=self.catalog,
            store=self.store,
            storage=self.storage,
            workspace=self.workspace,
            executors={"runs": Runs(), "still": Stiff()},
            waker=self.waker,
            bell=self.bell,
            policy=Policy(
                mode="runs", parallel=3, waiting=9, limits=Limits(memory=1000, run_time=60), max_input_bytes=50
            ),
        )

    def submit(self, process="echo", mode=Mode.ASYNC, intake=None, inputs=None):
        inputs = (Input(id="n", data=LiteralData(value=" 007 ")),) if inputs is None else inputs
        return self.service.submit(Execute(process=process, inputs=inputs, mode=mode), intake)


@pytest.fixture
def house():
    return House()


def test_a_request_becomes_a_waiting_job(house):
    intake = Intake()
    job = house.submit(intake=intake)
    assert UUID(job.id).version == 4
    assert str(UUID(job.id)) == job.id
    assert (job.process, job.process_version, job.package, job.executor) == ("echo", "2.1", "a.package", "runs")
    assert job.state is State.ACCEPTED
    assert job.created == job.updated
    assert job.created.tzinfo is not None
    assert job.request.inputs[0].data == LiteralData(value="7", datatype="integer")
    assert [output.format for output in job.request.outputs] == [JSON]
    assert job.limits == Limits(memory=100, run_time=60)
    assert job.position == 1
    assert house.store.added == [(Admission(parallel=3, waiting=9, process_parallel=2), Mode.ASYNC)]
    assert house.workspace.adopted == {job.id: intake}
    assert intake.discarded == 0
    assert house.waker.woken == 1


def test_every_job_has_its_own_id(house):
    assert len({house.submit().id for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("process", "asked", "chosen"),
    [
        ("echo", Mode.SYNC, Mode.SYNC),
        ("echo", Mode.ASYNC, Mode.ASYNC),
        ("echo", Mode.AUTO, Mode.ASYNC),
        ("sync", Mode.AUTO, Mode.SYNC),
        ("async", Mode.AUTO, Mode.ASYNC),
    ],
)
def test_the_mode_is_decided(house, process, asked, chosen):
    assert house.submit(process, asked).request.mode is chosen
    assert house.store.added[0][1] is chosen


def test_a_process_may_name_its_executor(house):
    assert house.submit("still").executor == "still"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"process": "nothing"}, NoSuchProcess),
        ({"process": "broken"}, ProcessUnavailable),
        ({"inputs": ()}, MissingInput),
        ({"process": "sync", "mode": Mode.ASYNC}, NoSuchMode),
        ({"process": "async", "mode": Mode.SYNC}, NoSuchMode),
        ({"process": "elsewhere"}, NotPossible),
        (
            {
                "inputs": (
                    Input(id="n", data=LiteralData(value="1")),
                    Input(id="data", data=ComplexData(file="1", format=JSON, size=51)),
                )
            },
            SizeExceeded,
        ),
    ],
)
def test_a_refused_request_leaves_nothing_behind(house, arguments, error):
    intake = Intake()
    with pytest.raises(error):
        house.submit(intake=intake, **arguments)
    assert intake.discarded == 1
    assert (house.store.rows, house.workspace.adopted, house.waker.woken) == ({}, {}, 0)


@pytest.mark.parametrize(
    ("where", "failure", "error"),
    [
        ("store", ServerBusy("full"), ServerBusy),
        ("workspace", OSError(errno.ENOSPC, "disk full"), NotEnoughStorage),
        ("workspace", OSError(errno.EIO, "broken disk"), OSError),
        ("store", KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_request_that_cannot_be_queued_leaves_nothing_behind(house, where, failure, error):
    intake = Intake()
    getattr(house, where).failure = failure
    with pytest.raises(error):
        house.submit(intake=intake)
    assert intake.discarded == 1
    assert len(house.workspace.removed) == 1
    assert (house.store.rows, house.workspace.adopted, house.waker.woken) == ({}, {}, 0)


def test_waiting_ends_with_the_job(house):
    job = house.submit()

    def finish():
        house.store.set(job.id, state=State.RUNNING)
        house.bell.ring(job.id)
        house.store.set(job.id, state=State.SUCCEEDED)
        house.bell.ring(job.id)

    threading.Timer(0.05, finish).start()
    began = time.monotonic()
    assert house.service.wait(job.id).state is State.SUCCEEDED
    assert time.monotonic() - began < 2
    assert house.bell.listeners == []


def test_a_ring_between_look_and_wait_is_not_lost(house, monkeypatch):
    job, look = house.submit(), house.store.get

    def moved_right_after_the_look(id):
        seen = look(id)
        if seen.state is State.ACCEPTED:
            house.store.set(id, state=State.FAILED)
            house.bell.ring(id)
        return seen

    monkeypatch.setattr(house.store, "get", moved_right_after_the_look)
    began = time.monotonic()
    assert house.service.wait(job.id).state is State.FAILED
    assert time.monotonic() - began < 1


def test_waiting_looks_once_for_each_ring(house, monkeypatch):
    job, look, looks = house.submit(), house.store.get, []
    monkeypatch.setattr(house.store, "get", lambda key: looks.append(key) or look(key))
    threading.Timer(0.05, house.bell.ring, [job.id]).start()
    house.service.wait(job.id, timeout=0.2)
    assert len(looks) == 3  # at first, at the ring, at the timeout


def test_a_move_that_nobody_rang_for_is_seen(house, monkeypatch):
    monkeypatch.setattr("cloche.service.service.LOOK", 0.05)
    job = house.submit()
    threading.Timer(0.1, lambda: house.store.set(job.id, state=State.DISMISSED)).start()
    assert house.service.wait(job.id).state is State.DISMISSED


def test_waiting_has_a_timeout(house):
    job = house.submit()
    assert house.service.wait(job.id, timeout=0.05).state is State.ACCEPTED
    assert house.service.wait(job.id, timeout=0).state is State.ACCEPTED
    with pytest.raises(NoSuchJob):
        house.service.wait("unknown")
    assert house.bell.listeners == []


def test_dismissing_asks_and_asks_again(house):
    job = house.submit()
    assert house.service.dismiss(job.id).wanted is Wanted.STOP
    assert house.service.dismiss(job.id).wanted is Wanted.STOP
    assert (house.waker.woken, house.waker.heeded) == (1, 2)
    house.store.set(job.id, state=State.DISMISSED)
    assert house.service.dismiss(job.id).state is State.DISMISSED
    with pytest.raises(NoSuchJob):
        house.service.dismiss("unknown")


def test_pause_and_resume(house):
    job = house.submit()
    for _ in range(2):
        assert house.service.pause(job.id).wanted is Wanted.PAUSE
    for _ in range(2):
        assert house.service.resume(job.id).wanted is Wanted.RUN
    assert (house.waker.woken, house.waker.heeded) == (1, 4)
    with pytest.raises(NoSuchJob):
        house.service.pause("unknown")


@pytest.mark.parametrize(
    ("process", "change"),
    [
        ("still", {}),
        ("echo", {"state": State.SUCCEEDED}),
        ("echo", {"wanted": Wanted.STOP}),
        ("echo", {"executor": "x"}),
    ],
)
def test_what_cannot_be_paused_says_so(house, process, change):
    job = house.submit(process)
    house.store.set(job.id, **change)
    before = house.store.get(job.id)
    for verb in (house.service.pause, house.service.resume):
        with pytest.raises(NotPossible):
            verb(job.id)
    assert house.store.get(job.id) == before


def finished(house, state=State.SUCCEEDED):
    job = house.submit()
    outputs = (
        Output(id="out", data=StoredData(name="out.json", format=JSON, size=4)),
        Output(id="n", data=LiteralData(value="7")),
    )
    house.store.set(job.id, state=state, outputs=outputs)
    house.storage.files = {(job.id, "out.json"): b"true", (job.id, "secret"): b"x"}
    return job.id


def test_results_are_handed_out(house):
    done = finished(house)
    assert b"".join(house.service.read_output(done, "out.json")) == b"true"
    assert house.service.output_path(done, "out.json") == Path("/results") / done / "out.json"
    assert house.service.output(done, "out.json").format == JSON


@pytest.mark.parametrize("name", ["secret", "../out.json", "n", "", "out.json/"])
def test_only_outputs_of_the_job_are_handed_out(house, name):
    done = finished(house)
    for read in (house.service.read_output, house.service.output_path, house.service.output):
        with pytest.raises(NoSuchOutput):
            read(done, name)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (State.ACCEPTED, ResultNotReady),
        (State.FINISHING, ResultNotReady),
        (State.FAILED, NoSuchOutput),
        (State.DISMISSED, NoSuchOutput),
    ],
)
def test_only_succeeded_jobs_have_results(house, state, error):
    done = finished(house, state)
    with pytest.raises(error):
        house.service.output_path(done, "out.json")
    with pytest.raises(error):
        house.service.read_output(done, "out.json")


def test_a_result_that_storage_lost_is_an_error_before_the_first_chunk(house):
    done = finished(house)
    house.storage.files = {}
    with pytest.raises(NoSuchOutput):
        house.service.read_output(done, "out.json")
    with pytest.raises(NoSuchJob):
        house.service.read_output("unknown", "out.json")


def test_the_log_belongs_to_a_job(house):
    job = house.submit()
    assert house.service.log(job.id) == f"printed by {job.id}"
    with pytest.raises(NoSuchJob):
        house.service.log("unknown")


def test_purging_forgets_an_ended_job(house):
    done = finished(house)
    house.service.purge(done)
    assert (house.storage.deleted, house.workspace.removed, house.store.rows) == ([done], [done], {})
    with pytest.raises(NoSuchJob):
        house.service.purge(done)
    running = house.submit()
    with pytest.raises(NotPossible, match="dismiss it first"):
        house.service.purge(running.id)


def test_what_is_published_comes_from_the_catalog(house):
    assert house.service.process("echo").description == ECHO
    assert len(house.service.processes()) == 6
    assert house.service.catalog_version() == 7
