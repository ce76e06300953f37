import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloche.engine.crew import PATIENCE_S, Crew
from cloche.engine.lock import ServerLock, Taken
from cloche.engine.worker import same_boot, worker_name


def test_work_is_done_by_no_more_threads_than_allowed() -> None:
    crew, done, gate = Crew(3), list[str](), threading.Barrier(4)

    def work() -> None:
        gate.wait(5)
        done.append(threading.current_thread().name)

    for _ in range(3):
        crew.submit(work)
    gate.wait(5)
    for _ in range(50):
        crew.submit(done.append, "later")
    soon(lambda: len(done) == 53)
    assert len([name for name in crew.threads if "lookout" not in name]) == 3
    crew.close(timeout=5)
    assert not crew.threads


def test_short_work_is_done_by_one_thread_in_its_order() -> None:
    crew, done = Crew(8), list[tuple[int, str]]()
    for number in range(500):
        crew.submit(lambda number=number: done.append((number, threading.current_thread().name)))
    soon(lambda: len(done) == 500)
    assert done == [(number, "cloche-engine-0") for number in range(500)]
    crew.close(timeout=5)


def test_work_does_not_wait_for_long_behind_what_takes_long() -> None:
    crew, go_on, done = Crew(8), threading.Event(), threading.Event()
    waits = list[float]()
    crew.submit(go_on.wait, 10)
    crew.submit(done.set)
    assert done.wait(5), "whoever looks out calls up another"
    for _ in range(20):
        begin = time.monotonic()
        done.clear()
        crew.submit(done.set)
        assert done.wait(5)
        waits.append(time.monotonic() - begin)
    assert min(waits) < PATIENCE_S, "who is at something else for long is not waited for"
    assert len([name for name in crew.threads if "lookout" not in name]) <= 3
    go_on.set()
    crew.close(timeout=5)


class Stingy:
    """A host that has a certain number of threads to give."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
        self.left = left
        start = threading.Thread.start

        def limited(thread: threading.Thread) -> None:
            if self.left <= 0 and thread.name.startswith("cloche"):
                raise RuntimeError("can't start new thread")
            self.left -= thread.name.startswith("cloche")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)


@pytest.mark.parametrize("threads", [0, 1, 2], ids=["none", "one member", "one member and the lookout"])
def test_where_no_thread_is_to_be_had_work_waits_and_is_done(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    host, crew = Stingy(monkeypatch, threads), Crew(8)
    go_on, done = threading.Event(), list[int]()
    crew.submit(go_on.wait, 10)
    for number in range(3):
        crew.submit(done.append, number)
    time.sleep(3 * PATIENCE_S)
    assert done == []
    host.left = 10
    crew.submit(done.append, 3)
    soon(lambda: done == [0, 1, 2, 3])
    go_on.set()
    crew.close(timeout=5)
    assert not crew.threads


def test_a_member_outlives_whatever_work_raises() -> None:
    crew, done = Crew(1), threading.Event()
    with capture_logs():
        crew.submit(sys.exit, 3)
        crew.submit(done.set)
        assert done.wait(5)
    crew.close(timeout=5)


def test_all_that_waits_too_long_is_begun_at_once() -> None:
    crew, go_on, begun = Crew(16), threading.Event(), list[float]()

    def work() -> None:
        begun.append(time.monotonic())
        go_on.wait(10)

    for _ in range(10):
        crew.submit(work)
    soon(lambda: len(begun) == 10)
    assert begun[-1] - begun[0] < 5 * PATIENCE_S
    go_on.set()
    crew.close(timeout=5)


def test_everybody_may_be_at_something_long() -> None:
    crew, go_on, done = Crew(3), threading.Event(), list[int]()

    def work(number: int) -> None:
        go_on.wait(10)
        done.append(number)

    for number in range(10):
        crew.submit(work, number)
    soon(lambda: len(crew.threads) == 4)  # three and the lookout
    time.sleep(4 * PATIENCE_S)
    assert (len(crew.threads), done) == (4, [])
    go_on.set()
    soon(lambda: len(done) == 10)
    crew.close(timeout=5)
    assert not crew.threads


def test_rest_and_work_take_turns_without_losing_any() -> None:
    crew, done = Crew(4), list[int]()

    def submit() -> None:
        for number in range(300):
            crew.submit(done.append, number)
            if number % 7 == 0:
                time.sleep(0.0005)

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    soon(lambda: len(done) == 1800)
    crew.close(timeout=5)


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_failing_work_is_logged_and_the_thread_lives() -> None:
    crew, done = Crew(1), threading.Event()
    with capture_logs() as logs:
        crew.submit(lambda: 1 / 0)
        crew.submit(done.set)
        assert done.wait(5)
    crew.close(timeout=5)
    assert [log["event"] for log in logs] == ["work failed"]


def test_closing_drops_what_has_not_begun_and_waits_for_what_has() -> None:
    crew, begun, go_on, done = Crew(1), threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        go_on.wait(5)
        done.append("begun")

    crew.submit(work)
    crew.submit(done.append, "dropped")
    begun.wait(5)
    threading.Timer(0.05, go_on.set).start()
    crew.close(timeout=5)
    crew.submit(done.append, "late")
    assert done == ["begun"]


HOLD = """
import sys, time
from pathlib import Path
from cloche.engine.lock import ServerLock
lock = ServerLock(Path(sys.argv[1]))
if len(sys.argv) > 2:
    import os
    if os.fork() == 0:
        time.sleep(float(sys.argv[2]))
        os._exit(0)
print("held", flush=True)
sys.stdin.read()
"""


def hold(path: Path, *more: str) -> "subprocess.Popen[str]":
    program = [sys.executable, "-c", HOLD, str(path), *more]
    holder = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


@pytest.mark.parametrize("more", [(), ("1",)], ids=["alone", "with a child"])
def test_the_lock_tells_who_holds_it_and_ends_with_its_process(tmp_path: Path, more: tuple[str, ...]) -> None:
    holder = hold(tmp_path / "data" / "lock", *more)
    with pytest.raises(Taken) as taken:
        ServerLock(tmp_path / "data" / "lock")
    assert taken.value.pid == holder.pid
    holder.kill()
    holder.wait()
    lock = ServerLock(tmp_path / "data" / "lock")  # even while a child of the dead one lives
    lock.release()
    lock.release()
    for pipe in (holder.stdin, holder.stdout):
        assert pipe is not None
        pipe.close()
    again = hold(tmp_path / "data" / "lock")
    again.communicate()


def test_workers_are_told_apart_by_the_boot_of_their_host() -> None:
    assert same_boot(worker_name(), worker_name().replace(":", ":9"))
    assert not same_boot(worker_name(), "another:1")
    assert not same_boot("", worker_name())
