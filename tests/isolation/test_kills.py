"""Whatever is killed, the rest does what it has to: supervisors live on, executions never outlive them."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.files import read_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from cloche.jobdir.records import StartedRecord
from cloche.ports.executor import Phase
from executions import Bench, alive, data_folder, ended, local, need_level, until

CHORES = str(Path(__file__).parents[1] / "contract/chores.py")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module", params=list(Level), ids=lambda level: level.value)
def level(request: pytest.FixtureRequest) -> Level:
    need_level(request.param)
    return request.param


@pytest.fixture
def bench(level: Level, folder: Path) -> Iterator[Bench]:
    executor = LocalExecutor(local(folder, level))
    yield Bench(executor, folder, CHORES)
    executor.close()


def parent(pid: int) -> int:
    """0 for one that has gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def supervisor(bench: Bench, task) -> int:
    record = read_record(StartedRecord, Layout(task.jobdir).started)
    assert record is not None
    return record.pid


def offspring(pid: int) -> list[int]:
    """Every process that came of ``pid`` and has not been given away."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    children = [child for child in pids if parent(child) == pid and alive(child)]
    return [*children, *(one for child in children for one in offspring(child))]


def test_an_execution_survives_its_zygote(bench: Bench) -> None:
    task, handle = bench.running("sleep", seconds=0.4)
    os.kill(parent(supervisor(bench, task)), signal.SIGKILL)
    assert bench.executor.poll([handle])[handle].phase is Phase.RUNNING
    assert bench.wait(task).value == "slept"
    assert bench.run("hello", name="again").value == "hello again"


def test_an_execution_ends_with_its_supervisor(bench: Bench) -> None:
    task, handle = bench.running("stubborn", seconds=30)
    pid = supervisor(bench, task)
    family = offspring(pid)
    assert len(family) == 2, "the first process and its daemon"
    os.kill(pid, signal.SIGKILL)
    until(lambda: not any(alive(member) for member in family))
    until(lambda: bench.executor.poll([handle])[handle].phase is Phase.GONE)
    assert ended(task.jobdir).exit is None
    bench.executor.release(handle)


def test_an_execution_survives_its_server(level: Level, folder: Path) -> None:
    server = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from cloche.executors.local.executor import LocalExecutor
        from cloche.jobdir.orders import Level
        from executions import Bench, local
        folder = Path({str(folder)!r})
        bench = Bench(LocalExecutor(local(folder, Level({level.value!r}))), folder, {CHORES!r})
        task, handle = bench.running("sleep", seconds=0.5)
        print()
        print(task.jobdir, handle.native, flush=True)
        time.sleep(60)
        """)
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", server], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert process.stdout is not None
    line = next(line for line in process.stdout if line.startswith("/"))
    jobdir, pid = Path(line.split()[0]), int(line.split()[1])
    zygote = parent(pid)
    slots = [child for child in offspring(zygote) if parent(child) == zygote and child != pid]
    process.kill()
    process.wait()
    process.stdout.close()
    until(lambda: not alive(zygote))
    until(lambda: not any(alive(slot) for slot in slots))
    assert alive(pid)
    until(Layout(jobdir).exit.exists)
    assert ended(jobdir).value == "slept"
    until(lambda: not alive(pid))


def test_nothing_is_left_when_an_executor_is_closed(bench: Bench) -> None:
    task, _ = bench.running("sleep", seconds=0.01)
    zygote = parent(supervisor(bench, task))
    bench.wait(task)
    until(lambda: len(offspring(zygote)) >= 2, 10)
    waiting = offspring(zygote)
    bench.executor.close()
    assert not alive(zygote)
    until(lambda: not any(alive(slot) for slot in waiting))


def test_a_dead_slot_is_passed_over(bench: Bench) -> None:
    task, _ = bench.running("sleep", seconds=0.01)
    zygote = parent(supervisor(bench, task))
    bench.wait(task)
    until(lambda: len([pid for pid in offspring(zygote) if parent(pid) == zygote]) >= 2)
    time.sleep(0.05)
    for pid in offspring(zygote):
        if parent(pid) == zygote:
            os.kill(pid, signal.SIGKILL)
    until(lambda: not any(parent(pid) == zygote for pid in offspring(zygote)))
    assert bench.run("hello", name="still").value == "hello still"
