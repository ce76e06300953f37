"""Pauses by every means that there is, on the real kernel: no process of an execution runs, none is left behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import needs
from cloche.executors.local.executor import LocalExecutor
from cloche.executors.local.groups import GroupTree
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import FROZEN_GROUP, Level
from cloche.model.limits import Limits
from cloche.ports.executor import Handle, Phase, Task
from executions import Bench, alive, beats, data_folder, ended, local, need_level, phase, until

CHORES = str(Path(__file__).parents[1] / "contract/chores.py")
ROOT = Path("/sys/fs/cgroup")
MEANS = ("freezer", "unified", "signals")


def older_tree() -> GroupTree:
    """Version 1."""
    tree = GroupTree.open(None)
    needs.need("freezer", when=tree.freezer is not None, reason=f"no freezer of version 1: {tree.describe()}")
    return tree


def newer_tree() -> GroupTree:
    """Version 2, where it is writable: freezing needs none of its controllers."""
    top = next((path for path in (ROOT, ROOT / "unified") if (path / "cgroup.controllers").exists()), None)
    usable = top is not None and os.access(top / "cgroup.procs", os.W_OK)
    needs.need("unified", when=usable, reason="version 2 of control groups is not mounted, or not ours")
    assert top is not None
    folder = top / f"cloche-test-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return GroupTree(unified=folder)


TREES: dict[str, Callable[[], GroupTree]] = {
    "freezer": older_tree,
    "unified": newer_tree,
    "signals": lambda: GroupTree(missing="the test wants none"),
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module", params=list(Level), ids=lambda level: level.value)
def level(request: pytest.FixtureRequest) -> Level:
    need_level(request.param)
    return request.param


@pytest.fixture(scope="module", params=MEANS)
def tree(request: pytest.FixtureRequest) -> Iterator[GroupTree]:
    tree = TREES[request.param]()
    yield tree
    if tree.unified is not None:
        until(lambda: not any(path.is_dir() for path in tree.unified.iterdir()))
        tree.unified.rmdir()


@pytest.fixture(scope="module")
def bench(level: Level, folder: Path, tree: GroupTree) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GroupTree, "open", lambda *_, **__: tree)
        executor = LocalExecutor(local(folder, level))
    yield Bench(executor, folder, CHORES)
    executor.close()


def paused(bench: Bench, process: str, limits: Limits | None = None, **values: object) -> tuple[Task, Handle]:
    task, handle = bench.running(process, limits, **values)
    assert isinstance(bench.executor, LocalExecutor)
    bench.executor.pause(handle)
    until(lambda: phase(bench.executor, handle) is Phase.PAUSED)
    return task, handle


def offspring(pid: int) -> set[int]:
    """All that came of a process, by the host's process table."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found


@pytest.mark.parametrize("process", ["crowd", "runaway"])
def test_nothing_runs(bench: Bench, process: str) -> None:
    task, handle = paused(bench, process, seconds=60)
    held = beats(task)
    time.sleep(0.2)
    assert beats(task) == held
    bench.executor.resume(handle)
    until(lambda: all(beats(task)[name] > size for name, size in held.items()))
    bench.executor.stop(handle, grace=timedelta(0))
    bench.wait(task)
    left = beats(task)
    time.sleep(0.05)
    assert beats(task) == left


@pytest.mark.parametrize("process", ["crowd", "runaway", "stubborn"])
def test_what_is_paused_can_be_killed(bench: Bench, process: str) -> None:
    task, handle = paused(bench, process, seconds=60)
    family = offspring(int(handle.native.split()[0]))
    assert len(family) > 1
    begin = time.monotonic()
    bench.executor.stop(handle, grace=timedelta(seconds=60))
    done = bench.wait(task)
    assert time.monotonic() - begin < 2
    assert not any(alive(pid) for pid in family)
    assert done.exit is not None
    assert done.exit.message == "stopped on request"
    assert not Layout(task.jobdir).paused.exists()


def test_what_was_stopped_before_stays_so(bench: Bench) -> None:
    task, handle = bench.running("crowd", seconds=60)
    program = next(pid for pid in offspring(int(handle.native.split()[0])) if "beat.program" in arguments(pid))
    os.kill(program, signal.SIGSTOP)
    until(lambda: state(program) == "T")
    bench.executor.pause(handle)
    until(lambda: phase(bench.executor, handle) is Phase.PAUSED)
    before = beats(task)
    bench.executor.resume(handle)
    until(lambda: beats(task)["beat.daemon"] > before["beat.daemon"])
    assert beats(task)["beat.program"] == before["beat.program"]
    bench.executor.stop(handle, grace=timedelta(0))
    bench.wait(task)


def test_nobody_stays_frozen_when_the_supervisor_dies(bench: Bench, tree: GroupTree) -> None:
    task, handle = paused(bench, "crowd", seconds=60)
    supervisor = int(handle.native.split()[0])
    family = offspring(supervisor)
    assert len(family) > 5
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: phase(bench.executor, handle) is Phase.GONE)
    bench.executor.release(handle)
    until(lambda: not any(alive(pid) for pid in family), 5)
    assert ended(task.jobdir).exit is None


def test_limits_of_the_work_directory_hold_after_a_pause(bench: Bench) -> None:
    assert isinstance(bench.executor, LocalExecutor)
    task = bench.task("crowd", Limits(scratch=4096), seconds=60)
    handle = bench.executor.start(task)
    bench.executor.pause(handle)
    until(lambda: phase(bench.executor, handle) is not Phase.RUNNING)
    bench.executor.resume(handle)
    done = bench.wait(task)
    assert done.exit is not None
    assert "work directory limit" in done.exit.breach
    bench.executor.release(handle)


def test_the_run_clock_goes_on_where_the_operator_wants_it(level: Level, folder: Path) -> None:
    executor = LocalExecutor(replace(local(folder, level), pause_stops_clock=False))
    bench = Bench(executor, folder, CHORES)
    try:
        task, handle = paused(bench, "crowd", Limits(run_time=1), seconds=60)
        done = bench.wait(task)  # nobody resumes it
        assert done.exit is not None
        assert done.exit.timeout
        assert not Layout(task.jobdir).paused.exists()
        executor.release(handle)
    finally:
        executor.close()


def arguments(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_the_frozen_group_is_below_our_own() -> None:
    freezer = older_tree().freezer
    assert freezer is not None
    assert (freezer.frozen.name, freezer.frozen.parent) == (FROZEN_GROUP, freezer.thawed)
    assert (freezer.frozen / "freezer.state").read_text().strip() == "FROZEN"
