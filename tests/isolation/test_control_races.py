"""Wishes from many sides at once over real executions: each job ends once, as it has to, and nothing is left."""

import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import doomed
from cloche.executors.local.groups import GroupTree
from cloche.jobdir.orders import Level
from cloche.model.state import TRANSITIONS, State, Wanted
from cloche.ports.executor import Phase
from executions import need_level, until

SECONDS = 4.0
CLIENTS = 4
WISHES = (Wanted.PAUSE, Wanted.RUN, Wanted.PAUSE, Wanted.RUN, Wanted.STOP)


@pytest.fixture
def root() -> Iterator[Path]:
    """Not in /tmp, which executions have of their own."""
    path = Path(tempfile.mkdtemp(prefix="cloche-races-", dir="/var/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


class Crowd:
    """Submits jobs, and wishes for them from several threads, until the time is over."""

    def __init__(self, server: doomed.Server) -> None:
        self.jobs: list[str] = []
        self.stopped: set[str] = set()
        self._server = server
        self._over = time.monotonic() + SECONDS

    def rage(self) -> None:
        clients = [threading.Thread(target=self._client, args=(seed,)) for seed in range(CLIENTS)]
        threads = [threading.Thread(target=self._submit), *clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _submit(self) -> None:
        draw, server = random.Random(4), self._server
        while time.monotonic() < self._over:
            if len(server.store.unended()) < 4:
                seconds = draw.uniform(0, 0.3)
                self.jobs.append(doomed.submit(server.store, server.workspace, len(self.jobs), seconds))
                server.engine.wake()
            time.sleep(0.02)

    def _client(self, seed: int) -> None:
        draw = random.Random(seed)
        while time.monotonic() < self._over:
            if self.jobs:
                job, wish = draw.choice(self.jobs[-4:]), draw.choice(WISHES)
                if wish is Wanted.STOP:
                    self.stopped.add(job)
                self._server.want(job, wish)
            time.sleep(draw.uniform(0, 0.03))


@pytest.mark.parametrize("level", [Level.PROCESS, Level.FULL], ids=lambda level: level.value)
def test_wishes_of_many_clients(root: Path, level: Level) -> None:
    """Clients pause, resume and dismiss the same jobs while these end by themselves, at any moment of it."""
    need_level(level)
    with doomed.opened(root, level.value) as server:
        crowd = Crowd(server)
        crowd.rage()
        for job in crowd.jobs:
            server.want(job, Wanted.RUN)
        until(lambda: not server.store.counts())
        assert len(crowd.jobs) > 5
        seen = {state for job in crowd.jobs for state in _checked(server, job, crowd.stopped)}
        assert {State.PAUSED, State.DISMISSED, State.SUCCEEDED} <= seen
    assert not list((root / "work" / "jobs").glob("*/ctl/paused"))
    freezer = GroupTree.open(None).freezer
    if freezer is not None:
        frozen = (freezer.frozen / "cgroup.procs").read_text().split()
        assert not [pid for pid in frozen if str(root) in _place(pid)]


def _checked(server: doomed.Server, job: str, stopped: set[str]) -> list[State]:
    """The states that a job went through, ended as it has to be."""
    found = server.store.get(job)
    states = [event.state for event in server.store.events(job)]
    assert all(to in TRANSITIONS[at] for at, to in pairwise(states)), states
    assert found.state is (State.DISMISSED if found.wanted is Wanted.STOP else State.SUCCEEDED), (found, states)
    assert found.wanted is not Wanted.STOP or job in stopped
    assert bool(found.outputs) is (found.state is State.SUCCEEDED)
    handle = server.executor.find(job, server.workspace.jobdir(job))
    assert handle is None or server.executor.poll([handle])[handle].phase is Phase.GONE
    return states


def _place(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 - a process's, not a file's
    except OSError:
        return ""
