"""What every executor promises (``ports.executor``). One suite for all: a parameter of ``make`` a back-end."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cloche.executors.docker.executor import DockerExecutor
from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from cloche.model.limits import Limits
from cloche.ports.executor import Executor, Handle, Pausable, Phase, Refused, Task
from dockers import docker, need_engine, remove_containers
from executions import Bench, alive, beats, data_folder, ended, local, need_level, phase, until

CHORES = str(Path(__file__).parent / "chores.py")
GRACE = timedelta(seconds=5)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module", params=[*(f"local-{level.value}" for level in Level), "docker", "podman"])
def make(request: pytest.FixtureRequest, folder: Path) -> Iterator[Callable[[], Executor]]:
    """Makes executors of one back-end that share their tasks, as a server and its successor do."""
    if request.param in ("docker", "podman"):
        host = need_engine(request.param)
        yield lambda: DockerExecutor(docker(folder, host=host))
        remove_containers(folder, host)  # of tasks that no test has released
        return
    level = Level(request.param.removeprefix("local-"))
    need_level(level)
    yield lambda: LocalExecutor(local(folder, level))


@pytest.fixture(scope="module")
def bench(make: Callable[[], Executor], folder: Path) -> Iterator[Bench]:
    executor = make()
    yield Bench(executor, folder, CHORES)
    executor.close()


def test_a_task_ends_with_evidence_result_and_log(bench: Bench) -> None:
    done = bench.run("hello", name="world")
    assert done.value == "hello world", done.said
    assert done.exit is not None
    assert (done.exit.ok, done.exit.code, done.exit.signal, done.exit.breach) == (True, 0, None, "")
    assert done.exit.usage.wall_s is not None
    assert 0 < done.exit.usage.wall_s < 10
    assert done.exit.usage.peak_memory_bytes
    assert done.layout.stdout.read_text() == "greeting world\n"
    assert "to the log" in done.layout.stderr.read_text()


def test_the_end_is_pushed_at_once(bench: Bench) -> None:
    task = bench.task("hello", name="x")
    bench.executor.start(task)
    bench.wait(task, 10)
    assert time.time() - Layout(task.jobdir).exit.stat().st_mtime < 0.5


def test_poll_is_total_and_follows_a_task_to_its_end(bench: Bench) -> None:
    task, handle = bench.running("tidy", seconds=60)
    rest, other = bench.running("tidy", seconds=60)
    seen = bench.executor.poll([handle, other])
    assert [seen[handle].phase, seen[other].phase] == [Phase.RUNNING, Phase.RUNNING]
    bench.executor.stop(handle, grace=GRACE)
    assert bench.wait(task).exit is not None
    until(lambda: bench.executor.poll([handle])[handle].phase is Phase.GONE)
    assert bench.executor.poll([handle, other])[other].phase is Phase.RUNNING
    bench.executor.stop(other, grace=GRACE)
    assert bench.wait(rest).exit is not None


def test_a_failing_process_has_evidence_of_it(bench: Bench) -> None:
    done = bench.run("fail")
    assert done.exit is not None
    assert (done.exit.ok, done.exit.code) == (False, 1)
    assert done.result is not None
    assert done.result.failure is not None
    assert "as it should" in done.layout.stderr.read_text()


def test_a_process_that_leaves_no_result_is_not_ok(bench: Bench) -> None:
    done = bench.run("die", number=int(signal.SIGSEGV))
    assert done.exit is not None
    assert not done.exit.ok
    assert done.exit.code == 128 + signal.SIGSEGV


def test_nothing_runs_twice(bench: Bench) -> None:
    task = bench.task("count")
    gate = threading.Barrier(4)
    handles = []

    def start() -> None:
        gate.wait()
        handles.append(bench.executor.start(task))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(Layout(task.jobdir).exit.exists)
    assert bench.executor.start(task) is not None
    assert ended(task.jobdir).value == "x"
    assert len(handles) == 4


def test_a_task_is_found_again_by_another_server(make: Callable[[], Executor], folder: Path) -> None:
    passing = Bench(make(), folder, CHORES)
    task = passing.task("sleep", seconds=5)
    successor = make()
    news = threading.Event()
    successor.listen(lambda key: news.set() if key == task.key else None)
    try:
        assert successor.find(task.key, task.jobdir) is None
        passing.executor.start(task)
        passing.executor.close()
        until(lambda: successor.find(task.key, task.jobdir) is not None)
        found = successor.find(task.key, task.jobdir)
        assert found is not None
        assert successor.poll([found])[found].phase is Phase.RUNNING
        assert news.wait(10), "an adopted task's end is pushed as well"
        assert successor.poll([found])[found].phase is Phase.GONE
        assert ended(task.jobdir).value == "slept"
    finally:
        successor.close()


def test_stop_asks_first(bench: Bench) -> None:
    task, handle = bench.running("tidy", seconds=20)
    begin = time.monotonic()
    bench.executor.stop(handle, grace=GRACE)
    done = bench.wait(task)
    assert time.monotonic() - begin < GRACE.total_seconds()
    assert (done.layout.work / "tidied").exists()
    assert done.exit is not None
    assert not done.exit.ok


def test_stop_ends_what_does_not_listen_with_all_that_it_started(bench: Bench) -> None:
    task, handle = bench.running("stubborn", seconds=20)
    begin = time.monotonic()
    bench.executor.stop(handle, grace=timedelta(seconds=0.3))
    bench.executor.stop(handle, grace=timedelta(seconds=60))
    done = bench.wait(task)
    assert 0.25 < time.monotonic() - begin < 5
    assert done.exit is not None
    assert not done.exit.ok
    assert (done.exit.signal, done.exit.message) == (signal.SIGKILL, "stopped on request")
    _stays_as_it_is(done.layout.work / "alive")


def test_a_task_is_stopped_by_another_server(bench: Bench, make: Callable[[], Executor]) -> None:
    task, handle = bench.running("sleep", seconds=20)
    successor = make()
    try:
        successor.stop(handle, grace=GRACE)
        assert bench.wait(task).exit is not None
    finally:
        successor.close()


def test_stop_and_release_of_what_has_ended_do_nothing(bench: Bench) -> None:
    task = bench.task("hello", name="x")
    handle = bench.executor.start(task)
    bench.wait(task)
    for _ in range(2):
        bench.executor.stop(handle, grace=GRACE)
        bench.executor.release(handle)
    assert ended(task.jobdir).value == "hello x"


def test_daemons_end_with_their_execution(bench: Bench) -> None:
    task, handle = bench.running("stubborn", seconds=0.05)
    done = bench.wait(task)
    assert done.value == "slept"
    _stays_as_it_is(done.layout.work / "alive")
    bench.executor.release(handle)


def test_a_run_that_takes_too_long_is_ended_and_says_so(bench: Bench) -> None:
    done = bench.run("stubborn", Limits(run_time=0.3), seconds=20)
    assert done.exit is not None
    assert (done.exit.ok, done.exit.timeout) == (False, True)
    assert done.exit.breach == "run time limit of 0.3 s exceeded"


def test_a_broken_package_is_refused(bench: Bench) -> None:
    broken = bench.task("any", package="/nowhere/at/all.py")
    with pytest.raises(Refused) as refused:
        bench.executor.start(broken)
    assert "nowhere" in refused.value.detail
    assert "nowhere" not in str(refused.value)  # clients read it


def test_closing_lets_running_tasks_go_on(make: Callable[[], Executor], folder: Path) -> None:
    passing = Bench(make(), folder, CHORES)
    task, handle = passing.running("tidy", seconds=60)
    pid = int(handle.native.split(" ", 1)[0])
    passing.executor.close()
    assert alive(pid)
    successor = make()
    successor.stop(handle, grace=GRACE)
    until(Layout(task.jobdir).exit.exists)
    assert (Layout(task.jobdir).work / "tidied").exists()
    successor.close()


@pytest.fixture
def pausing(bench: Bench) -> Pausable:
    if not isinstance(bench.executor, Pausable):
        pytest.skip("this back-end cannot pause")
    return bench.executor


@pytest.mark.parametrize("process", ["crowd", "runaway"])
def test_nothing_runs_while_a_task_is_paused(bench: Bench, pausing: Pausable, process: str) -> None:
    task, handle = bench.running(process, seconds=600)
    for _ in range(2):
        _pause(bench, pausing, handle)
        held = beats(task)
        time.sleep(0.15)
        assert phase(bench.executor, handle) is Phase.PAUSED
        assert beats(task) == held, "somebody goes on"
        pausing.resume(handle)
        _goes_on(task, held)
        assert phase(bench.executor, handle) is Phase.RUNNING
    bench.executor.stop(handle, grace=timedelta(0))
    bench.wait(task)
    gone = beats(task)
    time.sleep(0.05)
    assert beats(task) == gone


def test_pause_and_resume_are_idempotent(bench: Bench, pausing: Pausable) -> None:
    task, handle = bench.running("sleep", seconds=0.3)
    pausing.resume(handle)
    for _ in range(3):
        pausing.pause(handle)
    until(lambda: phase(bench.executor, handle) is Phase.PAUSED)
    pausing.pause(handle)
    for _ in range(3):
        pausing.resume(handle)
    assert bench.wait(task).value == "slept"
    for _ in range(2):  # what has ended cannot be paused, and that is no error
        pausing.pause(handle)
        pausing.resume(handle)
    assert phase(bench.executor, handle) is Phase.GONE


def test_the_last_of_quick_wishes_counts(bench: Bench, pausing: Pausable) -> None:
    task, handle = bench.running("crowd", seconds=60)
    for _ in range(10):
        pausing.pause(handle)
        pausing.resume(handle)
    held = beats(task)
    _goes_on(task, held)
    for _ in range(10):
        pausing.resume(handle)
        pausing.pause(handle)
    until(lambda: phase(bench.executor, handle) is Phase.PAUSED)
    _stop(bench, task, handle)


@pytest.mark.parametrize("process", ["crowd", "runaway", "stubborn"])
def test_a_paused_task_is_stopped(bench: Bench, pausing: Pausable, process: str) -> None:
    task, handle = bench.running(process, seconds=60)
    _pause(bench, pausing, handle)
    _stop(bench, task, handle)


@pytest.mark.parametrize("process", ["crowd", "runaway"])
def test_a_task_is_stopped_while_it_is_being_paused(bench: Bench, pausing: Pausable, process: str) -> None:
    task, handle = bench.running(process, seconds=60)
    pausing.pause(handle)
    _stop(bench, task, handle)


@pytest.mark.parametrize("process", ["crowd", "runaway"])
def test_every_process_ends_when_a_task_is_stopped(bench: Bench, process: str) -> None:
    task, handle = bench.running(process, seconds=60)
    _stop(bench, task, handle)


def test_a_pause_outlives_its_server(
    bench: Bench, pausing: Pausable, make: Callable[[], Executor], folder: Path
) -> None:
    passing = Bench(make(), folder, CHORES)
    task, handle = passing.running("crowd", seconds=0.3)
    assert isinstance(passing.executor, Pausable)
    passing.executor.pause(handle)
    until(lambda: phase(passing.executor, handle) is Phase.PAUSED)
    passing.executor.close()
    held = beats(task)
    found = bench.executor.find(task.key, task.jobdir)
    assert found is not None
    assert phase(bench.executor, found) is Phase.PAUSED
    time.sleep(0.05)
    assert beats(task) == held
    pausing.resume(found)
    assert bench.wait(task).value == "beaten"


def test_the_run_clock_stands_still_in_a_pause(bench: Bench, pausing: Pausable) -> None:
    task, handle = bench.running("sleep", Limits(run_time=1), seconds=30)
    _pause(bench, pausing, handle)
    time.sleep(1.5)
    assert phase(bench.executor, handle) is Phase.PAUSED, "the time limit was met while nothing ran"
    pausing.resume(handle)
    done = bench.wait(task)
    assert done.exit is not None
    assert done.exit.usage.wall_s is not None
    assert done.exit.usage.wall_s > 2.4
    assert (done.exit.timeout, done.exit.breach) == (True, "run time limit of 1 s exceeded")


def _pause(bench: Bench, pausing: Pausable, handle: Handle) -> None:
    pausing.pause(handle)
    until(lambda: phase(bench.executor, handle) is Phase.PAUSED)


def _goes_on(task: Task, held: dict[str, int]) -> None:
    assert held
    until(lambda: all(beats(task)[name] > size for name, size in held.items()))


def _stop(bench: Bench, task: Task, handle: Handle) -> None:
    """Dead with all that it started, within two seconds of the request, and evidence of it."""
    begin = time.monotonic()
    bench.executor.stop(handle, grace=timedelta(seconds=1))
    done = bench.wait(task)
    assert time.monotonic() - begin < 2
    left = beats(task)
    time.sleep(0.05)
    assert beats(task) == left, "somebody is still writing"
    until(lambda: phase(bench.executor, handle) is Phase.GONE)
    assert done.exit is not None
    assert not done.exit.ok
    assert done.exit.message == "stopped on request"
    bench.executor.release(handle)


def _stays_as_it_is(path: Path) -> None:
    size = path.stat().st_size
    time.sleep(0.06)
    assert path.stat().st_size == size, "somebody is still writing"
