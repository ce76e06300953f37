"""Wishes from many sides at once, over real executions: each job ends once, as its last wish wants, and nothing is left."""

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
from cloche.model.state import ENDED, TRANSITIONS, State, Wanted
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


@pytest.mark.parametrize("level", [Level.PROCESS, Level.FULL], ids=lambda level: level.value)
def test_wishes_of_many_clients(root: Path, level: Level) -> None:
    """Clients pause, resume and dismiss the same jobs while these end by themselves, at any moment of it."""
    need_level(level)
    draw = random.Random(4)
    with doomed.opened(root, level.value) as server:
        over = time.monotonic() + SECONDS
        jobs: list[str] = []
        stopped: set[str] = set()

        def submit() -> None:
            while time.monotonic() < over:
                if len(server.store.unended()) < 4:
                    jobs.append(doomed.submit(server.store, server.workspace, len(jobs), draw.uniform(0, 0.3)))
                    server.engine.wake()
                time.sleep(0.02)

        def client(seed: int) -> None:
            own = random.Random(seed)
            while time.monotonic() < over:
                if jobs:
                    job, wish = own.choice(jobs[-4:]), own.choice(WISHES)
                    if server.store.get(job).state not in ENDED:
                        server.want(job, wish)
                        if wish is Wanted.STOP:
                            stopped.add(job)
                time.sleep(own.uniform(0, 0.03))

        threads = [
            threading.Thread(target=submit),
            *(threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for job in jobs:
            server.want(job, Wanted.RUN)
        until(lambda: not server.store.counts())

        assert len(jobs) > 5
        ends = {job: server.store.get(job) for job in jobs}
        seen = set()
        for job, found in ends.items():
            states = [event.state for event in server.store.events(job)]
            seen |= set(states)
            assert all(to in TRANSITIONS[at] for at, to in pairwise(states)), states
            wanted = State.DISMISSED if found.wanted is Wanted.STOP else State.SUCCEEDED
            assert found.state is wanted, (found, states)
            assert found.wanted is not Wanted.STOP or job in stopped
            assert bool(found.outputs) is (found.state is State.SUCCEEDED)
            handle = server.executor.find(job, server.workspace.jobdir(job))
            assert handle is None or server.executor.poll([handle])[handle].phase is Phase.GONE
        assert {State.PAUSED, State.DISMISSED, State.SUCCEEDED} <= seen
    assert not list((root / "work" / "jobs").glob("*/ctl/paused"))
    freezer = GroupTree.open(None).freezer
    if freezer is not None:
        frozen = (freezer.frozen / "cgroup.procs").read_text().split()
        assert not [pid for pid in frozen if str(root) in _place(pid)]


def _place(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 - a process's, not a file's
    except OSError:
        return ""
