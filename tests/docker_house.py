"""The real engine over a docker executor, its store and its directories; can be ended and begun again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dockers
from cloche.engine.bell import LocalBell
from cloche.engine.engine import Engine
from cloche.engine.policy import Policy
from cloche.executors.docker.executor import DockerExecutor
from cloche.jobdir.workspace import JobDirs
from cloche.model.data import Input, LiteralData
from cloche.model.execute import Execute, Mode, OutputRequest
from cloche.model.job import Job
from cloche.model.limits import Limits
from cloche.model.state import ENDED, State, Wanted
from cloche.ports.store import Admission
from cloche.storage import FileStorage
from cloche.store import SqlStore
from engines import OneFetcher, soon
from executions import data_folder, owner
from jobs import a_job

CHORES = str(Path(__file__).parent / "contract" / "chores.py")
PATIENCE = 90.0
POLICY = Policy(
    parallel=4, poll=timedelta(seconds=0.05), lost_after=timedelta(seconds=0.5), stop_grace=timedelta(seconds=1)
)


class House:
    """``executor`` is new each time that it is opened."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = settings
        self.store = SqlStore(folder / "jobs.db")
        self.workspace = JobDirs(folder, owner())
        self.storage = FileStorage(folder / "results")
        self.images: dict[str, str] = {}
        self.engine: Engine | None = None
        self.executor: DockerExecutor

    def open(self) -> None:
        self.executor = DockerExecutor(dockers.docker(self.folder, **self.settings))
        self.engine = Engine(
            store=self.store,
            storage=self.storage,
            workspace=self.workspace,
            executors={"docker": self.executor},
            fetcher=OneFetcher(),
            bell=LocalBell(),
            policy=replace(POLICY, image=self.images.get),
            worker="boot:1",
        )
        self.engine.start()

    def close(self) -> None:
        assert self.engine is not None
        self.engine.stop()
        self.executor.close()

    def submit(self, process: str, limits: Limits | None = None, /, **values: object) -> str:
        request = Execute(
            process=process,
            inputs=tuple(Input(id=name, data=LiteralData(value=str(value))) for name, value in values.items()),
            outputs=(OutputRequest(id="result"),),
            protocol="wps1",
        )
        job = a_job(process, package=CHORES, executor="docker", request=request, limits=limits or Limits())
        self.workspace.adopt(job.id, None)
        self.store.add(job, admission=Admission(parallel=99, waiting=99), mode=Mode.ASYNC)
        assert self.engine is not None
        self.engine.wake()
        return job.id

    def job(self, id: str) -> Job:
        return self.store.get(id)

    def until(self, id: str, *states: State) -> Job:
        soon(lambda: self.job(id).state in states, PATIENCE)
        return self.job(id)

    def ended(self, id: str) -> Job:
        return self.until(id, *ENDED)

    def begun(self, id: str) -> Job:
        """A running job whose process has said so."""
        soon((self.workspace.jobdir(id) / "work/begun").exists, PATIENCE)
        return self.until(id, State.RUNNING)

    def want(self, id: str, wanted: Wanted) -> None:
        self.store.want(id, wanted)
        assert self.engine is not None
        self.engine.heed()

    def container(self, id: str) -> str:
        """The container of a running job."""
        return self.job(id).handle.split(" ")[3]

    def works(self) -> None:
        """The server serves: a job succeeds."""
        job = self.ended(self.submit("hello", name="x"))
        assert job.state is State.SUCCEEDED, job.failure

    def left(self) -> list[str]:
        """What there still is: containers, but for those that are being prepared; directories."""
        return [c.id for c in dockers.containers(self.folder, self.settings.get("host", ""))]

    def leaves_nothing(self) -> None:
        """Once the house is closed: no container, no directory of one."""
        soon(lambda: not self.left(), PATIENCE)
        assert list((self.folder / "slots/jobs").iterdir()) == []
        assert not any(path.name == "holder.json" for path in (self.folder / "jobs").glob("*/*"))


@contextmanager
def house(**settings: Any) -> Iterator[House]:
    """An open house; what it leaves in spite of everything is removed."""
    with data_folder() as folder:
        folder.chmod(0o711)
        made = House(folder, **settings)
        made.open()
        try:
            yield made
        finally:
            made.close()
            made.store.close()
            dockers.remove_containers(folder, settings.get("host", ""))


def pause(seconds: float) -> None:
    """Time in which nothing should happen."""
    time.sleep(seconds)
