"""The disk is really full: every execution still ends with its reason."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.orders import Level
from cloche.model.limits import Limits
from disks import filled, small_disk
from executions import Bench, local, need_level

CHORES = str(Path(__file__).parents[1] / "contract/chores.py")


@pytest.fixture(scope="module", params=["tmpfs", "ext4"])
def disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    with small_disk(request.param) as path:
        yield path


@pytest.fixture(params=list(Level), ids=lambda level: level.value)
def bench(request: pytest.FixtureRequest, disk: Path) -> Iterator[Bench]:
    need_level(request.param)
    executor = LocalExecutor(local(disk, request.param))
    yield Bench(executor, disk, CHORES)
    executor.close()


def test_a_result_without_room_is_told(bench: Bench) -> None:
    task, _ = bench.running("sleep", seconds=1)
    with filled(bench.folder):
        assert os.statvfs(bench.folder).f_bavail == 0
        end = bench.wait(task)
        assert end.exit is not None
        assert (end.exit.ok, end.exit.breach) == (False, "no space left on the server")
    assert bench.run("hello", name="again").value == "hello again"


def test_a_limit_is_told_on_a_full_disk(bench: Bench) -> None:
    task, _ = bench.running("sleep", Limits(run_time=1), seconds=30)
    with filled(bench.folder):
        end = bench.wait(task)
        assert end.exit is not None
        assert (end.exit.timeout, end.exit.breach) == (True, "run time limit of 1 s exceeded")


def test_a_log_without_room_ends_no_execution(bench: Bench) -> None:
    task, _ = bench.running("talk", seconds=1)
    with filled(bench.folder, left=64 << 10):
        end = bench.wait(task)
        assert end.exit is not None
        assert end.exit.code != 0
        assert 0 < end.layout.stdout.stat().st_size < 1 << 20


def test_one_block_is_enough_to_tell_that_nothing_could_begin(bench: Bench) -> None:
    bench.run("hello", name="first")
    task = bench.task("hello", name="second")
    with filled(bench.folder, left=4096):
        bench.executor.start(task)
        end = bench.wait(task)
        assert end.exit is not None
        assert (end.exit.ok, end.exit.breach) == (False, "no space left on the server")
        assert not end.layout.started.exists()
