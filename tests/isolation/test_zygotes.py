"""Zygotes import packages in the server's stead: whatever a package does, the server gets data or a reason."""

import os
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import needs
from cloche.executors.local.executor import LocalExecutor
from cloche.executors.local.settings import LocalSettings
from cloche.executors.local.slots import Slot
from cloche.jobdir.orders import Level
from cloche.model.limits import Limits
from cloche.ports.describer import PackageBroken
from cloche.ports.executor import Phase, Refused, Unreachable
from executions import Bench, alive, local, need_level, until

GOOD = """
    from typing import Annotated
    from cloche.process import Output, process

    @process(version="{version}")
    def answer() -> Annotated[str, Output("Answer")]:
        '''Answer.'''
        return "{version}"
"""


@pytest.fixture(scope="module", params=[Level.PROCESS, Level.FULL], ids=lambda level: level.value)
def level(request: pytest.FixtureRequest) -> Level:
    need_level(request.param)
    return request.param


def settings(folder: Path, level: Level) -> LocalSettings:
    return replace(local(folder / "data", level), start_timeout_s=5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data/jobs").mkdir(parents=True)
    (tmp_path / "data").chmod(0o711)
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def executor(folder: Path, level: Level) -> Iterator[LocalExecutor]:
    made = LocalExecutor(settings(folder, level))
    yield made
    made.close()


def write(path: Path, text: str) -> str:
    """Write a package, older than now so that it does not look as if it changed during the import."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    past = time.time() - 10
    os.utime(path, (past, past))
    return str(path)


def test_descriptions_come_as_data(executor: LocalExecutor, folder: Path) -> None:
    package = write(folder / "answers.py", GOOD.format(version="1"))
    described = executor.describe(package)
    assert [(p.id, p.version) for p in described.processes] == [("answer", "1")]
    assert described.fingerprint == executor.fingerprint(package) == executor.describe(package).fingerprint


def test_changed_code_is_imported_anew(executor: LocalExecutor, folder: Path) -> None:
    package = write(folder / "changing.py", GOOD.format(version="1"))
    before = executor.describe(package)
    write(folder / "changing.py", GOOD.format(version="22"))
    assert executor.fingerprint(package) != before.fingerprint
    assert [p.version for p in executor.describe(package).processes] == ["22"]
    bench = Bench(executor, folder / "data", package)
    assert bench.run("answer").value == "22"


class Replacing(LocalExecutor):
    """Its package's code is replaced while a task is being started, at a step of that."""

    step = ""
    replace: Callable[[], object] = staticmethod(lambda: None)

    def _at(self, step: str) -> None:
        if self.step == step:
            self.step = ""
            self.replace()

    def _current(self, package: str, *, network: bool) -> Any:
        kept = super()._current(package, network=network)
        self._at("found")
        if self.step == "taken":
            take = kept.slots._take

            def take_late() -> Slot | None:
                slot = take()
                self._at("taken")
                return slot

            kept.slots._take = take_late
        return kept

    def _attend(self, key: str, work: Any) -> None:
        self._at("given")
        super()._attend(key, work)


@pytest.mark.parametrize("step", ["found", "taken", "given"])
def test_a_job_that_starts_while_the_code_is_replaced_is_neither_lost_nor_stuck(
    folder: Path, level: Level, step: str
) -> None:
    package = write(folder / "changing.py", GOOD.format(version="1"))
    executor = Replacing(settings(folder, level))
    try:
        bench = Bench(executor, folder / "data", package)
        assert bench.run("answer").value == "1"  # and another slot waits
        time.sleep(0.5)
        write(folder / "changing.py", GOOD.format(version="22"))
        executor.replace = lambda: executor.describe(package)
        executor.step = step
        task = bench.task("answer")
        handle = executor.start(task)
        assert executor.step == "", "the code was replaced"
        assert bench.wait(task, 10).value in {"1", "22"}
        assert executor.poll([handle])[handle].phase is Phase.GONE
        assert bench.run("answer").value == "22"
    finally:
        executor.close()


def test_zygotes_that_were_replaced_have_ended_when_their_executor_has(folder: Path, level: Level) -> None:
    lingering = "import atexit, time\natexit.register(time.sleep, 1.5)\n"
    package = write(folder / "lingering.py", lingering + textwrap.dedent(GOOD.format(version="1")))
    executor = LocalExecutor(settings(folder, level))
    try:
        executor.describe(package)
        first = executor._kept[package, False].zygote
        assert first is not None
        write(folder / "lingering.py", GOOD.format(version="22"))
        executor.describe(package)
        assert first.alive, "it takes its time"
    finally:
        executor.close()
    assert not alive(first._process.pid)


def test_a_package_that_spoils_the_rehearsal_is_executed_all_the_same(executor: LocalExecutor, folder: Path) -> None:
    spoilt = "import cloche.runner.dress\ncloche.runner.dress._TIMES = None\n"
    package = write(folder / "spoiling.py", spoilt + textwrap.dedent(GOOD.format(version="1")))
    assert Bench(executor, folder / "data", package).run("answer").value == "1"


def test_a_new_module_changes_a_package_and_a_stranger_beside_a_file_does_not(
    executor: LocalExecutor, folder: Path
) -> None:
    package = str(Path(write(folder / "several/__init__.py", GOOD.format(version="1"))).parent)
    lone = write(folder / "lone.py", GOOD.format(version="1"))
    both = executor.describe(package).fingerprint, executor.describe(lone).fingerprint
    write(folder / "several/more.py", "")
    write(folder / "stranger.txt", "")
    assert executor.fingerprint(package) != both[0]
    assert executor.fingerprint(lone) == both[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_that_name", "nothing_of_that_name"),
        ("this is no Python", "SyntaxError"),
        ("import sys; sys.exit('enough')", "SystemExit: enough"),
        ("import os; os._exit(7)", "ended with code 7"),
        ("import os; os.abort()", "killed by SIGABRT"),
        ("import sys, os; print('last words', flush=True); os._exit(1)", "last words"),
        ("import os\nfor fd in range(3, 40):\n    try: os.close(fd)\n    except OSError: pass", "zygote"),
    ],
)
def test_a_broken_package_is_told_with_its_reason(executor: LocalExecutor, folder: Path, text: str, words: str) -> None:
    package = write(folder / "broken.py", text)
    with pytest.raises(PackageBroken, match=words):
        executor.describe(package)
    state = executor.fingerprint(package)
    assert state == executor.fingerprint(package)
    write(folder / "broken.py", GOOD.format(version="mended"))
    assert [p.version for p in executor.describe(package).processes] == ["mended"]


def test_a_package_that_never_finishes_importing_is_given_up(folder: Path, level: Level) -> None:
    hurried = LocalExecutor(replace(settings(folder, level), start_timeout_s=0.5))
    package = write(folder / "endless.py", "import time; time.sleep(60)")
    begin = time.monotonic()
    with pytest.raises(PackageBroken, match="within"):
        hurried.describe(package)
    assert time.monotonic() - begin < 5
    hurried.close()


HANGING = """
    import time
    time.sleep(60)
"""


def test_executions_go_on_with_the_old_code_while_the_new_hangs(folder: Path, level: Level) -> None:
    patient = LocalExecutor(replace(settings(folder, level), start_timeout_s=60))
    package = write(folder / "slow.py", GOOD.format(version="1"))
    bench = Bench(patient, folder / "data", package)
    assert bench.run("answer").value == "1"
    write(folder / "slow.py", HANGING)
    pool = ThreadPoolExecutor(1)
    description = pool.submit(patient.describe, package)
    until(lambda: len(zygotes()) == 2)
    begin = time.monotonic()
    assert bench.run("answer").value == "1"
    assert time.monotonic() - begin < 5
    # what hangs is given up as soon as its code is mended
    write(folder / "slow.py", GOOD.format(version="333"))
    assert [p.version for p in description.result(20).processes] == ["333"]
    assert bench.run("answer").value == "333"
    pool.shutdown()
    patient.close()


def test_a_job_does_not_wait_long_for_an_import_that_hangs(folder: Path, level: Level) -> None:
    patient = LocalExecutor(replace(settings(folder, level), start_timeout_s=60))
    package = write(folder / "hangs.py", HANGING)
    pool = ThreadPoolExecutor(1)
    description = pool.submit(patient.describe, package)
    until(lambda: len(zygotes()) == 1)
    bench = Bench(patient, folder / "data", package)
    begin = time.monotonic()
    with pytest.raises(Unreachable, match="still being imported"):
        patient.start(bench.task("answer"))
    assert time.monotonic() - begin < 5
    patient.close()
    with pytest.raises(PackageBroken):
        description.result(10)
    assert zygotes() == []
    pool.shutdown()


def zygotes() -> list[int]:
    """Those that this process has started."""
    threads = Path("/proc/self/task").iterdir()
    children = [pid for thread in threads for pid in (thread / "children").read_text().split()]
    return [int(pid) for pid in children if b"cloche.runner" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_package_that_breaks_executes_nothing_until_it_is_mended(executor: LocalExecutor, folder: Path) -> None:
    package = write(folder / "breaks.py", GOOD.format(version="1"))
    bench = Bench(executor, folder / "data", package)
    assert bench.run("answer").value == "1"
    write(folder / "breaks.py", "retrun")
    with pytest.raises(PackageBroken, match="NameError"):
        executor.describe(package)
    with pytest.raises(Refused, match="package of this process is broken"):
        executor.start(bench.task("answer"))
    write(folder / "breaks.py", GOOD.format(version="22"))
    assert bench.run("answer").value == "22"


def test_a_process_with_the_network_gets_changed_code_as_well(folder: Path, level: Level) -> None:
    allowed = LocalExecutor(replace(settings(folder, level), network=True))
    package = write(folder / "networked.py", GOOD.format(version="1"))
    bench = Bench(allowed, folder / "data", package)

    def answer() -> str:
        task = replace(bench.task("answer"), network=True)
        allowed.start(task)
        return bench.wait(task).value

    allowed.describe(package)
    assert answer() == "1"
    write(folder / "networked.py", GOOD.format(version="22"))
    allowed.describe(package)
    assert answer() == "22"
    allowed.close()


def test_a_package_that_starts_threads_is_refused(executor: LocalExecutor, folder: Path) -> None:
    text = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    package = write(folder / "threads.py", text + textwrap.dedent(GOOD.format(version="1")))
    bench = Bench(executor, folder / "data", package)
    with pytest.raises(Refused, match="1 threads on import"):
        bench.run("answer")


def test_a_process_that_needs_the_network_is_refused_unless_allowed(executor: LocalExecutor, folder: Path) -> None:
    package = write(folder / "answers.py", GOOD.format(version="1"))
    bench = Bench(executor, folder / "data", package)
    task = replace(bench.task("answer"), network=True)
    with pytest.raises(Refused, match="network"):
        executor.start(task)


def test_a_process_that_may_use_the_network_reaches_it_but_no_unix_sockets(folder: Path, level: Level) -> None:
    package = write(
        folder / "networker.py",
        """
        import socket
        from typing import Annotated
        from cloche.process import Output, process

        def able(family):
            try:
                socket.socket(family).close()
            except OSError:
                return False
            return True

        @process
        def sockets() -> Annotated[str, Output("Which work")]:
            '''Try.'''
            names = [name for _, name in socket.if_nameindex()] if able(socket.AF_INET) else []
            return f"{able(socket.AF_INET)} {able(socket.AF_UNIX)} {len(names) > 0}"
        """,
    )
    allowed = LocalExecutor(replace(settings(folder, level), network=True))
    bench = Bench(allowed, folder / "data", package)
    task = replace(bench.task("sockets"), network=True)
    allowed.start(task)
    assert bench.wait(task).value == ("True False True" if level is Level.FULL else "True True True")
    allowed.close()


def test_what_is_hidden_is_not_shown_with_the_directory_around_it(executor: LocalExecutor, folder: Path) -> None:
    package = write(
        folder / "nosy.py",
        """
        import os
        from pathlib import Path
        from typing import Annotated
        from cloche.process import Output, process

        @process
        def look() -> Annotated[str, Output("What there is")]:
            '''Look around.'''
            here = Path(__file__).parent
            return " ".join(sorted(p.name for p in here.iterdir())) + "|" + (here / "notes.txt").read_text()
        """,
    )
    write(folder / "notes.txt", "read me")
    (folder / "data/secret").write_text("no")
    bench = Bench(executor, folder / "data", package)
    names, notes = bench.run("look").value.split("|")
    assert notes == "read me"
    assert {"nosy.py", "notes.txt"} <= set(names.split())


@pytest.mark.parametrize("mode", [0o711, 0o700])
def test_what_lies_beside_a_package_may_be_closed_to_executions(
    executor: LocalExecutor, folder: Path, mode: int
) -> None:
    package = write(folder / "answers.py", GOOD.format(version="1"))
    (folder / "private").mkdir(mode=0o700)
    (folder / "key").touch(mode=0o600)
    bench = Bench(executor, folder / "data", package)
    assert bench.run("answer").value == "1"
    # a directory that cannot be listed, or not even passed: the file is all that is needed
    folder.chmod(mode)
    another = write(folder / "more.py", GOOD.format(version="2"))
    bench = Bench(executor, folder / "data", another)
    assert bench.run("answer").value == "2"
    assert {p.id for p in executor.describe(another).processes} == {"answer"}


def test_a_package_that_executions_cannot_read_is_refused_by_its_name(executor: LocalExecutor, folder: Path) -> None:
    needs.need("root", when=os.getuid() == 0, reason="only a server that runs as root executes as another user")
    package = write(folder / "closed.py", GOOD.format(version="1"))
    Path(package).chmod(0o600)
    with pytest.raises(PackageBroken, match=rf"{package} cannot be read by user id \d+.*chmod"):
        executor.describe(package)


def test_memory_is_limited_with_and_without_control_groups(folder: Path, level: Level) -> None:
    package = write(
        folder / "greedy.py",
        """
        from typing import Annotated
        from cloche.process import Output, process

        @process
        def grab() -> Annotated[str, Output("How much")]:
            '''Grab.'''
            return str(len(b"x" * (200 << 20)))
        """,
    )
    for groups in (None, ""):
        limited = LocalExecutor(replace(settings(folder, level), groups=groups))
        bench = Bench(limited, folder / "data", package)
        done = bench.run("grab", Limits(memory=100 << 20))
        assert done.exit is not None
        assert not done.exit.ok
        reason = done.exit.breach or (done.result and done.result.failure and done.result.failure.text)
        assert reason == "memory limit of 100 MiB exceeded", done.said
        assert bench.run("grab", Limits(memory=400 << 20)).value == str(200 << 20)
        limited.close()
