"""The service over the real store, workspace and storage: nothing is lost and nothing is left behind."""

import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloche.jobdir.workspace import JobDirs
from cloche.model.data import ComplexData, Input, LiteralData, Output, StoredData
from cloche.model.domains import ComplexDomain, Datatype, LiteralDomain
from cloche.model.errors import NoSuchJob, NoSuchOutput, NotPossible, ResultNotReady, ServerBusy, WrongInputData
from cloche.model.execute import Execute, Mode
from cloche.model.formats import Format
from cloche.model.process import Parameter, ProcessDescription
from cloche.model.state import State, Wanted
from cloche.ports.catalog import Published
from cloche.ports.store import Move, Query
from cloche.service.policy import Policy
from cloche.service.service import Service
from cloche.storage.files import FileStorage
from cloche.store.store import SqlStore

JSON = Format(media_type="application/json")
ECHO = ProcessDescription(
    id="echo",
    version="1.0",
    title="Echo",
    inputs=(
        Parameter(id="n", title="N", domain=LiteralDomain(datatype=Datatype.INTEGER)),
        Parameter(id="data", title="Data", domain=ComplexDomain(formats=(JSON,)), min_occurs=0),
    ),
    outputs=(Parameter(id="out", title="Out", domain=ComplexDomain(formats=(JSON,))),),
)


class Catalog:
    def get(self, id):
        return Published(description=ECHO, package="a.package")


class Bell:
    def __init__(self):
        self.listeners = []

    def subscribe(self, job, listener, *, end_only=False):
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def ring(self):
        for listener in list(self.listeners):
            listener()


class Waker:
    def wake(self): ...

    def heed(self): ...


class Runs:
    def pause(self, handle): ...

    def resume(self, handle): ...


class House:
    def __init__(self, root):
        self.root = root
        self.store = SqlStore(root / "jobs.sqlite")
        self.workspace = JobDirs(root / "work")
        self.storage = FileStorage(root / "results")
        self.bell = Bell()
        self.service = Service(
            catalog=Catalog(),
            store=self.store,
            storage=self.storage,
            workspace=self.workspace,
            executors={"runs": Runs()},
            waker=Waker(),
            bell=self.bell,
            policy=Policy(mode="runs", parallel=2, waiting=3),
        )

    def submit(self, mode=Mode.ASYNC, n="7"):
        intake = self.service.intake()
        (intake.path / "1").write_bytes(b"{}")
        inputs = (
            Input(id="n", data=LiteralData(value=n)),
            Input(id="data", data=ComplexData(file="1", format=Format(media_type=""), size=2)),
        )
        return self.service.submit(Execute(process="echo", inputs=inputs, mode=mode), intake)

    def files(self):
        return [path for path in (self.root / "work").rglob("1") if path.is_file()]

    def finish(self, job, *outputs):
        (job,) = self.store.claim("w", parallel=99, per_process={}, limit=1)
        for state in (State.RUNNING, State.FINISHING):
            job = self.store.move(job, state)
            self.bell.ring()
        job = self.store.move(job, State.SUCCEEDED, Move(outputs=outputs))
        self.bell.ring()
        return job


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.store.close()


def test_a_submitted_job_is_kept_with_its_files(house):
    job = house.submit()
    assert house.service.job(job.id) == job
    assert job.request.inputs[1].data.format == JSON
    (file,) = house.files()
    assert file.is_relative_to(house.workspace.jobdir(job.id))
    assert [found.id for found in house.service.jobs(Query())] == [job.id]
    assert house.service.log(job.id) == ""


def test_a_refused_request_leaves_no_file(house):
    with pytest.raises(WrongInputData):
        house.submit(n="seven")
    assert house.files() == []


def test_a_crowd_is_admitted_to_the_last_place_and_no_further(house):
    def one(number):
        try:
            return house.submit().state
        except ServerBusy:
            return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(one, range(24)))
    assert outcomes == {State.ACCEPTED: 5, None: 19}
    assert len(house.files()) == 5
    with pytest.raises(ServerBusy):
        house.submit(Mode.SYNC)


def test_waiting_sees_the_end_at_once(house):
    job = house.submit(Mode.SYNC)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(house.service.wait, job.id, timeout=10) for _ in range(4)]
        time.sleep(0.05)
        house.finish(job)
        ended = time.monotonic()
        assert {future.result().state for future in waiting} == {State.SUCCEEDED}
        assert time.monotonic() - ended < 1
    assert house.bell.listeners == []


def test_no_end_is_missed_however_close_it_comes(house):
    for _ in range(20):
        job = house.submit(Mode.SYNC)
        thread = threading.Thread(target=house.finish, args=(job,))
        thread.start()
        began = time.monotonic()
        assert house.service.wait(job.id, timeout=10).state is State.SUCCEEDED
        assert time.monotonic() - began < 2
        thread.join()


def test_results_come_from_storage(house, tmp_path):
    job = house.submit()
    with pytest.raises(ResultNotReady):
        house.service.read_output(job.id, "out.json")
    (tmp_path / "out").write_bytes(b"[1]" * 100_000)
    descriptor = os.open(tmp_path / "out", os.O_RDONLY)
    size = house.storage.put(job.id, "out.json", descriptor, media_type="application/json")
    house.storage.put(job.id, "other.json", descriptor, media_type="application/json")
    os.close(descriptor)
    house.finish(job, Output(id="out", data=StoredData(name="out.json", format=JSON, size=size)))
    assert b"".join(house.service.read_output(job.id, "out.json")) == b"[1]" * 100_000
    path = house.service.output_path(job.id, "out.json")
    assert path is not None
    assert path.read_bytes() == b"[1]" * 100_000
    for name in ("other.json", "../jobs.sqlite", ""):
        with pytest.raises(NoSuchOutput):
            house.service.read_output(job.id, name)
        with pytest.raises(NoSuchOutput):
            house.service.output_path(job.id, name)


def test_commands_are_idempotent(house):
    job = house.submit()
    assert [house.service.pause(job.id).wanted for _ in range(2)] == [Wanted.PAUSE] * 2
    assert [house.service.resume(job.id).wanted for _ in range(2)] == [Wanted.RUN] * 2
    assert [house.service.dismiss(job.id).wanted for _ in range(2)] == [Wanted.STOP] * 2
    with pytest.raises(NotPossible):
        house.service.resume(job.id)
    assert house.service.job(job.id).wanted is Wanted.STOP


def test_purging_leaves_nothing(house):
    job = house.submit()
    with pytest.raises(NotPossible):
        house.service.purge(job.id)
    house.finish(job)
    house.service.purge(job.id)
    assert house.files() == []
    assert not house.workspace.jobdir(job.id).exists()
    with pytest.raises(NoSuchJob):
        house.service.job(job.id)
    with pytest.raises(NoSuchJob):
        house.service.purge(job.id)
