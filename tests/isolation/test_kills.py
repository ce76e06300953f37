"""Whatever is killed, the rest does what it has to: supervisors live on, executions never outlive them."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs
from cloche.executors.local import executor as local_executor
from cloche.executors.local import groups as groups_module
from cloche.executors.local.executor import LocalExecutor
from cloche.executors.local.groups import GroupTree
from cloche.executors.local.slots import GroupNames
from cloche.jobdir.files import read_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from cloche.jobdir.records import StartedRecord
from cloche.ports.executor import Phase
from cloche.runner.groups import Groups
from executions import Bench, alive, capabilities, data_folder, ended, local, need_level, until

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


def test_groups_of_a_server_that_is_gone_are_swept_when_they_empty(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = capabilities().groups
    needs.need("groups", when=groups.startswith("version"), reason=groups)
    monkeypatch.setattr(local_executor, "SWEEP_EVERY_S", 0.05)
    monkeypatch.setattr(groups_module, "YOUNG_S", 0.5)
    tree = GroupTree.open(None)
    gone = subprocess.Popen(["true"])
    name = next(GroupNames(gone.pid))
    gone.wait()
    group = tree.create(name, ("memory",))
    empty = f"{name}-empty"
    tree.create(empty, ("memory",)).close()
    orphan = subprocess.Popen(["sleep", "60"])
    try:
        Groups.of(group.kinds, group.descriptors).admit(orphan.pid)
        executor = LocalExecutor(local(folder, Level.PROCESS))
        folders = [Path(f"/proc/self/fd/{fd}").readlink() for fd in group.descriptors[1:2]]
        assert all(path.is_dir() for path in folders)
        assert all(path.with_name(empty).exists() for path in folders), "its execution may be just being forked"
        until(lambda: not any(path.with_name(empty).exists() for path in folders))
        assert all(path.is_dir() for path in folders)
        orphan.kill()
        orphan.wait()
        until(lambda: not any(path.exists() for path in folders))
        executor.close()
        until(lambda: "cloche-groups" not in [thread.name for thread in threading.enumerate()])
    finally:
        orphan.kill()
        orphan.wait()
        group.close()
        tree.remove(name)


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
        task, handle = bench.running("sleep", seconds=3)
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


BURIAL = """
    import os, select, signal, socket, time
    from pathlib import Path
    from cloche.runner import zygote
    from cloche.runner.walls import kernel

    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1, "prctl")
    buried = zygote._Zygote(socket.socket(), None, None)
    buried._signals = kernel.signal_descriptor((signal.SIGCHLD,))
    reader, writer = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1), os.dup2(nowhere, 2)
        if (first := os.fork()) == 0:
            if (daemon := os.fork()) > 0:
                os.write(writer, f"{os.getpid()} {daemon}".encode())
            time.sleep(60)
        time.sleep(60)
    first, daemon = map(int, os.read(reader, 100).split())
    buried._supervisors.add(supervisor)
    listed = zygote.children

    def children(pid):
        found = listed(pid)
        if pid == os.getpid() and first in found:  # its daemon is given away after the list was read
            os.kill(first, signal.SIGKILL)
            while Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.001)
        return found

    zygote.children = children
    os.kill(supervisor, signal.SIGKILL)
    while select.select([buried._signals], [], [], 2)[0]:
        buried._collect()
    print(daemon, Path(f"/proc/{daemon}").exists())
    """


def test_a_daemon_is_found_although_its_parent_dies_while_the_zygote_looks_for_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BURIAL)], capture_output=True, text=True, timeout=60, check=True
    )
    daemon, lives = done.stdout.split()
    if lives == "True":
        os.kill(int(daemon), signal.SIGKILL)
    assert lives == "False", "it outlives the execution"
