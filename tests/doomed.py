"""A server without a protocol that kills itself: doomed ROOT EXECUTOR POINT JOBS [WISHES].

Adds JOBS jobs, then lets the engine work on what is in ROOT until every job has ended.
POINT says where the process sends itself SIGKILL, as ``object.method.when``, for example ``store.claim.after``;
``store.move:running.before`` means the move to that state. ``never`` lets it live.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloche.engine.bell import LocalBell
from cloche.engine.engine import Engine
from cloche.engine.lock import ServerLock
from cloche.engine.policy import Policy
from cloche.jobdir.orders import Level
from cloche.jobdir.workspace import JobDirs
from cloche.model.execute import Mode, OutputRequest
from cloche.model.formats import Format
from cloche.model.state import State, Wanted
from cloche.ports.executor import Executor, Phase
from cloche.ports.store import Admission
from cloche.storage import FileStorage
from cloche.store import SqlStore
from engines import OneFetcher
from executors import ProcessExecutor
from jobs import a_job, a_request, literal

NOBODY = (65534, 65534)
SECONDS = 0.1
LONG = 1.5
SEEN = {Wanted.PAUSE: (State.PAUSED,), Wanted.RUN: (State.RUNNING,), Wanted.STOP: (State.DISMISSED,)}


class Doomed:
    """Stands in for an object of the house and kills the process at one call of one of its methods."""

    def __init__(self, inner: Any, name: str, point: str) -> None:
        self._inner = inner
        where, _, self._when = point.rpartition(".")
        owner, _, method = where.partition(".")
        self._method, _, self._detail = method.partition(":") if owner == name else ("", "", "")

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        return self._deadly(attribute) if name == self._method else attribute

    def _deadly(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if self._when == "before" and self._meant(arguments, None):
                die()
            result = method(*arguments, **named)
            if self._when == "after" and self._meant(arguments, result):
                die()
            return result

        return call

    def _meant(self, arguments: tuple[Any, ...], result: Any) -> bool:
        match self._method:
            case "move":
                return arguments[1] is State(self._detail)
            case "claim":
                return self._when == "before" or bool(result)
            case "poll":
                return any(sighting.phase is Phase(self._detail) for sighting in result.values())
        return True


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def local(root: Path, level: Level) -> Executor:
    from cloche.executors.local.executor import LocalExecutor
    from cloche.executors.local.settings import LocalSettings

    user = NOBODY if os.getuid() == 0 else None
    return LocalExecutor(LocalSettings(name="fake", level=level, jobs=root / "work", user=user, hidden=(root,)))


def submit(store: SqlStore, workspace: JobDirs, number: int, seconds: float = SECONDS, *, files: bool = True) -> str:
    wanted = (OutputRequest(id="text"), OutputRequest(id="file", format=Format(media_type="text/plain")))
    inputs = (literal("text", f"text {number}"), literal("seconds", str(seconds)))
    job = a_job(
        package=str(Path(__file__).with_name("doomed_process.py")),
        request=a_request(inputs=inputs, outputs=wanted if files else wanted[:1]),
    )
    workspace.adopt(job.id, None)
    store.add(job, admission=Admission(parallel=2, waiting=99), mode=Mode.ASYNC)
    return job.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a test may ask of a running one, past the object that is doomed."""

    store: SqlStore
    storage: FileStorage
    workspace: JobDirs
    executor: Executor
    engine: Engine

    def until(self, id: str, *states: State, timeout: float = 20) -> None:
        """Wait for a state."""
        deadline = time.monotonic() + timeout
        while self.store.get(id).state not in states:
            if time.monotonic() > deadline:
                raise AssertionError(self.store.get(id))
            time.sleep(0.005)

    def want(self, id: str, wanted: Wanted) -> None:
        """As the service does."""
        self.store.want(id, wanted)
        self.engine.heed()


@contextmanager
def opened(root: Path, kind: str, point: str = "never", jobs: int = 0, seconds: float = SECONDS) -> Iterator[Server]:
    """A server over ROOT, working; JOBS are there when it begins."""
    lock = ServerLock(root / "lock")
    if point == "fdatasync":
        os.fdatasync = die
    store, storage = SqlStore(root / "jobs.db"), FileStorage(root / "results")
    owner = NOBODY if kind != "fake" and os.getuid() == 0 else None
    workspace = JobDirs(root / "work", owner)
    executor: Executor = ProcessExecutor() if kind == "fake" else local(root, Level(kind))
    doomed: dict[str, Any] = {
        name: Doomed(inner, name, point)
        for name, inner in (("store", store), ("storage", storage), ("workspace", workspace), ("executor", executor))
    }
    engine = Engine(
        store=doomed["store"],
        storage=doomed["storage"],
        workspace=doomed["workspace"],
        executors={"fake": doomed["executor"]},
        fetcher=OneFetcher(),
        bell=LocalBell(),
        policy=Policy(parallel=2, poll=timedelta(seconds=0.03), lost_after=timedelta(seconds=2)),
    )
    server = Server(store=store, storage=storage, workspace=workspace, executor=executor, engine=engine)
    for number in range(jobs):
        submit(store, workspace, number, seconds)
    engine.start()
    try:
        yield server
    finally:
        engine.stop()
        executor.close()
        store.close()
        lock.release()


def serve(root: Path, kind: str, point: str = "never", jobs: int = 0, wishes: str = "") -> None:
    """Work until every job has ended. Each of the WISHES is written when a job runs, and waited for."""
    with opened(root, kind, point, jobs, LONG if wishes else SECONDS) as server:
        for job in server.store.unended() if wishes else ():
            for wish in wishes.split("+"):
                server.until(job.id, State.RUNNING, State.PAUSED)
                server.want(job.id, Wanted(wish))
                server.until(job.id, *SEEN[Wanted(wish)])
        deadline = time.monotonic() + 40
        while server.store.counts() and time.monotonic() < deadline:
            time.sleep(0.01)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), "".join(sys.argv[5:]))
