"""A supervisor sees one execution after the other: none learns of those before it, none is taken for another."""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import needs
from cloche.executors._processes import pids
from cloche.executors.local.executor import LocalExecutor
from cloche.executors.local.groups import GroupTree
from cloche.executors.local.slots import GroupNames, is_over
from cloche.executors.local.zygote import Zygote
from cloche.jobdir.files import read_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from cloche.jobdir.records import StartedRecord
from cloche.model.limits import Limits
from cloche.ports.executor import Phase, Unreachable
from executions import Bench, alive, data_folder, ended, local, need_level, until

PACKAGE = str(Path(__file__).with_name("whispers.py"))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module", params=list(Level), ids=lambda level: level.value)
def bench(request: pytest.FixtureRequest, folder: Path) -> Iterator[Bench]:
    need_level(request.param)
    # nothing is prepared beyond what is used: the same supervisor has every turn
    executor = LocalExecutor(replace(local(folder, request.param), prepared=0))
    yield Bench(executor, folder, PACKAGE)
    executor.close()


def started(task) -> StartedRecord:
    record = read_record(StartedRecord, Layout(task.jobdir).started)
    assert record is not None
    return record


def ran(bench: Bench, process: str, limits: Limits | None = None, **values):
    """The task, and what was left of it; waits until its supervisor is ready again."""
    task = bench.task(process, limits or Limits(), **values)
    bench.executor.start(task)
    done = bench.wait(task)
    time.sleep(0.1)
    return task, done


def test_what_a_package_wants_done_after_a_fork_is_done_once_in_every_execution(bench: Bench) -> None:
    assert [ran(bench, "forks")[1].value for _ in range(3)] == ["after free"] * 3


@pytest.mark.parametrize("process", ["draw", "secret"])
def test_no_two_executions_draw_the_same_numbers(bench: Bench, process: str) -> None:
    drawn = [ran(bench, process)[1].value for _ in range(4)]
    assert len(set(drawn)) == len(drawn), drawn


EARLY = "import random, runpy; runpy.run_module('cloche.runner', run_name='__main__', alter_sys=True)"


def test_numbers_are_drawn_anew_where_random_was_there_before_the_package(folder: Path) -> None:
    """As where a ``.pth`` file imports it: its hook for forks was registered before anybody took note."""
    settings = replace(local(folder, Level.PROCESS), runner=(sys.executable, "-I", "-c", EARLY), prepared=0)
    executor = LocalExecutor(settings)
    try:
        drawn = [ran(Bench(executor, folder, PACKAGE), "draw")[1].value for _ in range(3)]
    finally:
        executor.close()
    assert len(set(drawn)) == len(drawn), drawn


def test_what_process_code_has_forked_ends_at_the_signal(bench: Bench) -> None:
    assert ran(bench, "terminate")[1].value == "{-15}"


def test_what_is_left_in_a_stream_at_import_is_in_no_log(bench: Bench) -> None:
    task, done = ran(bench, "draw")
    assert done.exit is not None
    assert done.exit.ok
    assert not Layout(task.jobdir).stderr.exists()


def test_every_execution_is_in_a_control_group_of_its_own(bench: Bench) -> None:
    tree = GroupTree.open(None)
    needs.need("group-memory", when=tree.limits("memory"), reason=tree.describe())
    groups = [ran(bench, "group")[1].value for _ in range(3)]
    assert all("cloche" in group for group in groups), groups
    assert len(set(groups)) == len(groups), groups


def test_an_execution_finds_nothing_of_the_one_before_in_its_memory(bench: Bench) -> None:
    secret = f"cherry-{time.time_ns()}-blossom"
    before, done = ran(bench, "whisper", secret=secret)
    assert done.value == secret
    after, found = ran(bench, "remember", first=secret[:12], second=secret[12:])
    other, whose = ran(bench, "remember", first=before.key[:9], second=before.key[9:])
    told = [(started(task).pid, started(task).start_ticks, started(task).turn) for task in (before, after, other)]
    pid, ticks, turn = told[0]
    assert told == [(pid, ticks, turn), (pid, ticks, turn + 1), (pid, ticks, turn + 2)], (
        "another supervisor shows nothing"
    )
    assert (found.value, whose.value) == ("0", "0"), "what was said, or whose it was, is in another execution's memory"
    _, own = ran(bench, "remember", first="remem", second="ber")
    assert int(own.value) > 0, "the search finds what is there"


def test_whose_names_were_read_is_followed_by_nobody(bench: Bench) -> None:
    secret = f"walnut-{time.time_ns()}-shell"
    before, _ = ran(bench, "linger", Limits(scratch=1 << 30), name=secret)
    after, found = ran(bench, "remember", first=secret[:12], second=secret[12:])
    one, other = started(before), started(after)
    assert (one.pid, one.start_ticks) != (other.pid, other.start_ticks)
    assert found.value == "0"


def test_the_end_of_one_turn_is_not_hidden_by_the_next(bench: Bench) -> None:
    first, _ = ran(bench, "sleep", seconds=0.0)
    handle = bench.executor.find(first.key, first.jobdir)
    assert handle is not None
    task, running = bench.running("sleep", seconds=1)
    assert started(task).pid == started(first).pid
    seen = bench.executor.poll([handle, running])
    assert (seen[handle].phase, seen[running].phase) == (Phase.GONE, Phase.RUNNING)
    bench.wait(task)


def test_a_late_stop_does_not_hit_the_next_execution(bench: Bench) -> None:
    first, _ = ran(bench, "sleep", seconds=0.0)
    handle = bench.executor.find(first.key, first.jobdir)
    assert handle is not None
    task, _ = bench.running("sleep", seconds=0.5)
    assert started(task).pid == started(first).pid
    bench.executor.stop(handle, grace=timedelta(0))
    assert bench.wait(task).value == "slept"


def test_a_stop_that_comes_before_the_supervisor_looks_is_heard(bench: Bench) -> None:
    ran(bench, "sleep", seconds=0.0)
    for _ in range(10):
        task = bench.task("sleep", seconds=30)
        handle = bench.executor.start(task)
        bench.executor.stop(handle, grace=timedelta(0))
        done = bench.wait(task, 5)
        assert done.exit is not None
        assert done.exit.signal == signal.SIGKILL or not done.exit.ok


def unread(bench: Bench):
    """A task whose order its supervisor has not read yet, as on a machine that has no time for it."""
    before, _ = ran(bench, "sleep", seconds=0.0)
    pid = started(before).pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: found.state == b"T" if (found := pids.status(pid)) else True)
    task = bench.task("sleep", seconds=0.2)
    handle = bench.executor.start(task)
    assert handle.native.startswith(f"{pid} ")
    assert not Layout(task.jobdir).started.exists()
    return task, handle, pid


def test_an_order_that_is_not_read_yet_is_not_lost_when_its_server_is(bench: Bench) -> None:
    task, handle, pid = unread(bench)
    successor = LocalExecutor(bench.executor._settings)  # type: ignore[attr-defined]
    try:
        assert successor.poll([handle])[handle].phase is Phase.RUNNING
        os.kill(pid, signal.SIGCONT)
        until(lambda: successor.poll([handle])[handle].phase is Phase.GONE)
        assert ended(task.jobdir).value == "slept"
    finally:
        os.kill(pid, signal.SIGCONT)
        successor.close()


def test_a_successor_dismisses_what_has_not_begun_yet(bench: Bench) -> None:
    task, handle, pid = unread(bench)
    successor = LocalExecutor(bench.executor._settings)  # type: ignore[attr-defined]
    try:
        successor.stop(handle, grace=timedelta(0))
        os.kill(pid, signal.SIGCONT)
        until(lambda: successor.poll([handle])[handle].phase is Phase.GONE)
        done = ended(task.jobdir)
        assert done.exit is not None
        assert done.exit.stopped
    finally:
        os.kill(pid, signal.SIGCONT)
        successor.close()


def test_whoever_looks_for_a_supervisor_does_not_keep_it_from_its_lock(folder: Path) -> None:
    """It would take the one who looks for another supervisor of its job, and give up."""
    jobdir = folder / "looked-at"
    lock = Layout(jobdir).lock
    lock.parent.mkdir(parents=True)
    look = textwrap.dedent(f"""
        from pathlib import Path
        from cloche.executors.local.handles import Supervisor, alive
        supervisor = Supervisor(pid=0, start_ticks=0, boot="this", turn=1, jobdir=Path({str(jobdir)!r}))
        print("looking", flush=True)
        while True:
            alive(supervisor, "this")
        """)
    with lock.open("w") as file, subprocess.Popen([sys.executable, "-c", look], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            until_ = time.monotonic() + 1
            while time.monotonic() < until_:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises BlockingIOError
                fcntl.lockf(file, fcntl.LOCK_UN)
            assert other.poll() is None
        finally:
            other.kill()


def test_an_execution_that_could_not_be_attended_is_seen_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server had no descriptor left at that moment."""

    def none_left(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    task = bench.task("sleep", seconds=0.3)
    with monkeypatch.context() as patch:
        patch.setattr(os, "dup", none_left)
        handle = bench.executor.start(task)
    assert bench.executor.poll([handle])[handle].phase is Phase.RUNNING
    bench.await_end(task)
    assert ended(task.jobdir).value == "slept"
    assert bench.executor.poll([handle])[handle].phase is Phase.GONE
    bench.executor.release(handle)
    group = handle.native.split(" ")[4]
    assert not [*Path("/sys/fs/cgroup").glob(f"*/cloche/{group}")]


def test_usage_is_counted_anew(bench: Bench) -> None:
    _, hungry = ran(bench, "fill", size=150 << 20)
    _, modest = ran(bench, "sleep", seconds=0.0)
    assert hungry.exit is not None
    assert modest.exit is not None
    assert hungry.exit.usage.peak_memory_bytes > 150 << 20
    assert modest.exit.usage.peak_memory_bytes < 100 << 20
    assert hungry.exit.usage.cpu_s > 0.25
    assert modest.exit.usage.cpu_s < 0.25


TURNS = """
    from types import SimpleNamespace
    from cloche.runner import supervisor

    said = []
    supervisor._MOST_TURNS = 3
    supervisor.Prepared = lambda *arguments: None
    supervisor.rehearsal = SimpleNamespace(of_supervisor=lambda: None)
    supervisor._see_through = lambda *arguments: said.append("turn") or True
    desk = SimpleNamespace(prepare=lambda: (), has_order=lambda: False, done=lambda: said.append("done"))
    supervisor.supervise(SimpleNamespace(sealed=False), None, desk, "this")
    print(*said)
    """


def test_a_supervisor_does_not_offer_itself_after_its_last_turn() -> None:
    """An order that came while it goes would be lost: nobody could tell it from one that was carried out."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(TURNS)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["turn", "done", "turn", "done", "turn"]


def test_more_turns_than_a_supervisor_has_are_carried_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five turns each, at the parallel limit, so that orders follow one another at once."""
    turns = textwrap.dedent("""
        import sys
        from cloche.runner import supervisor
        supervisor._MOST_TURNS = 5
        from cloche.runner.__main__ import main
        sys.exit(main(sys.argv[1:]))
        """)
    executor = LocalExecutor(replace(local(folder, Level.PROCESS), runner=(sys.executable, "-I", "-c", turns)))
    bench = Bench(executor, folder, PACKAGE)

    def one(_: int) -> str:
        return bench.run("sleep", seconds=0.0).value

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(one, range(100))) == {"slept"}
    executor.close()


def test_a_supervisor_that_was_killed_is_replaced(bench: Bench) -> None:
    task, _ = ran(bench, "sleep", seconds=0.0)
    os.kill(started(task).pid, signal.SIGKILL)
    until(lambda: not alive(started(task).pid))
    again, done = ran(bench, "sleep", seconds=0.0)
    assert done.value == "slept"
    assert started(again).pid != started(task).pid


def test_more_work_than_is_prepared_for_is_let_go_of_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloche.executors.local.slots.IDLE_S", 0.2)
    executor = LocalExecutor(replace(local(folder, Level.PROCESS), prepared=1))
    bench = Bench(executor, folder, PACKAGE)
    tasks = [bench.task("sleep", seconds=0.3) for _ in range(4)]
    for task in tasks:
        executor.start(task)
    for task in tasks:
        bench.wait(task)
    pids = {started(task).pid for task in tasks}
    assert len(pids) == 4
    until(lambda: sum(Path(f"/proc/{pid}").exists() for pid in pids) <= 1, 10)
    executor.close()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 10)


def test_two_executors_of_a_server_do_not_share_control_groups() -> None:
    one, other = GroupNames(os.getpid()), GroupNames(os.getpid())
    assert not {next(one), next(one)} & {next(other), next(other)}
    assert not is_over(next(one))
    assert is_over(f"{os.getpid()}-1-{next(one).rpartition('-')[2]}")


def test_slots_are_prepared_again_after_none_could_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloche.executors.local.slots.IDLE_S", 0.2)
    fork, refusing, refused = Zygote.fork, threading.Event(), threading.Event()

    def fork_or_not(self: Zygote, *rest: Any) -> int:
        if refusing.is_set():
            refused.set()
            raise Unreachable("no process is to be had")
        return fork(self, *rest)

    monkeypatch.setattr(Zygote, "fork", fork_or_not)
    executor = LocalExecutor(replace(local(folder, Level.PROCESS), prepared=3))
    bench = Bench(executor, folder, PACKAGE)
    task, _ = bench.running("sleep", seconds=0.0)
    refusing.set()
    os.kill(started(task).pid, signal.SIGKILL)  # one is missing again
    for _ in range(3):  # and those that are ready get work
        with contextlib.suppress(Unreachable):
            bench.executor.start(bench.task("sleep", seconds=0.5))
    assert refused.wait(10)
    refusing.clear()
    until(lambda: len(supervisors()) >= 3)
    executor.close()


def supervisors() -> list[int]:
    """Those that wait for a job of ours."""
    us = os.getpid()
    zygotes = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == us]
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) in zygotes]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
