"""Executions that are forked when their order is there already: nothing is known of them but their number."""

import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from executions import Bench, data_folder, local, need_level, until

PACKAGE = str(Path(__file__).with_name("whispers.py"))
LATE = textwrap.dedent("""
    import sys, time
    from cloche.runner import child
    attach = child._attach
    def late(ends):
        time.sleep(1.5)
        attach(ends)
    child._attach = late
    from cloche.runner.__main__ import main
    sys.exit(main(sys.argv[1:]))
    """)


@pytest.fixture(params=list(Level), ids=lambda level: level.value)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    need_level(request.param)
    with data_folder() as folder:
        settings = replace(local(folder, request.param), prepared=0, runner=(sys.executable, "-I", "-c", LATE))
        executor = LocalExecutor(settings)
        yield Bench(executor, folder, PACKAGE)
        executor.close()


def test_a_pause_that_comes_before_the_execution_is_in_its_groups_holds_it(bench: Bench) -> None:
    task = bench.task("sleep", seconds=0.0)
    handle = bench.executor.start(task)
    bench.executor.pause(handle)
    until(Layout(task.jobdir).paused.exists)
    time.sleep(2.5)
    assert not Layout(task.jobdir).exit.exists(), "it ran although it is said to be paused"
    bench.executor.resume(handle)
    assert bench.wait(task).value == "slept"
    bench.executor.release(handle)


def test_a_stop_without_grace_that_comes_before_it_is_in_its_groups_ends_it_at_once(bench: Bench) -> None:
    task = bench.task("sleep", seconds=30)
    handle = bench.executor.start(task)
    begin = time.monotonic()
    bench.executor.stop(handle, grace=timedelta(0))
    bench.await_end(task)
    assert time.monotonic() - begin < 1.0
    bench.executor.release(handle)
