import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloche.engine.crew import Crew
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
    deadline = time.monotonic() + 5
    while len(done) < 53 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(done) == 53
    assert len(crew._threads) == 3
    crew.close(timeout=5)
    assert not any(thread.is_alive() for thread in crew._threads)


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
