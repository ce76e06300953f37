"""A disk that executions fill: the server keeps what it needs of it, whatever they do. On a small disk, a real one."""

import os
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs
from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.orders import Level
from cloche.model.limits import Limits
from executions import Bench, data_folder, local, need_level

MIB = 1 << 20
DISK, RESERVE = 160 * MIB, 64 * MIB
PACKAGE = """
    import os, socket, time
    from pathlib import Path
    from typing import Annotated
    from cloche.process import Output, process

    Said = Annotated[str, Output("How far it came")]
    BLOCK = bytes(1 << 20)
    PACE_S = 0.004  # a fast disk's, not memory's: a busy machine wakes nobody in time for that

    @process
    def modest() -> Said:
        '''Keep little, take time.'''
        Path("little").write_bytes(BLOCK)
        Path("begun").touch()
        time.sleep(1.5)
        return "all"

    @process
    def greedy() -> Said:
        '''Fill the disk.'''
        for number in range(1000):
            Path(f"part{number}").write_bytes(BLOCK)
            time.sleep(PACE_S)
        return "all"

    @process
    def hidden() -> Said:
        '''Fill the disk with files that have no names and are on their way between sockets.'''
        pairs = []
        for number in range(1000):
            with open("gone", "wb", 0) as file:
                os.unlink("gone")
                file.write(BLOCK)
                if number % 100 == 0:
                    pairs.append(socket.socketpair())
                socket.send_fds(pairs[-1][0], [b"x"], [file.fileno()])
            time.sleep(PACE_S)
        return "all"
"""


@pytest.fixture
def disk() -> Iterator[Path]:
    needs.need("root", when=os.getuid() == 0, reason="only root mounts disks")
    with data_folder() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=711", "disk", str(folder)], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=[Level.FULL, Level.LANDLOCK], ids=lambda level: level.value)
def bench(request: pytest.FixtureRequest, disk: Path, tmp_path: Path) -> Iterator[Bench]:
    need_level(request.param)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    package = tmp_path / "fillers.py"
    package.write_text(textwrap.dedent(PACKAGE))
    executor = LocalExecutor(local(disk, request.param))
    yield Bench(executor, disk, str(package))
    executor.close()


class Lowest:
    """How little was left of a disk at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._over = threading.Event()
        self.free = DISK
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Lowest":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.002):
            status = os.statvfs(self._folder)
            self.free = min(self.free, status.f_bavail * status.f_frsize)


@pytest.mark.parametrize("filler", ["greedy", "hidden"])
def test_whoever_fills_the_disk_is_ended_while_there_is_room_left(bench: Bench, filler: str) -> None:
    with Lowest(bench.folder) as lowest:
        done = bench.run(filler, Limits(free_space=RESERVE, run_time=30))
    assert done.exit is not None
    assert done.exit.breach == "the server's disk is nearly full", done.said
    assert lowest.free > 0


def test_the_greediest_ends_first(bench: Bench) -> None:
    task, _ = bench.running("modest", Limits(free_space=RESERVE))
    done = bench.run("greedy", Limits(free_space=RESERVE, run_time=30))
    assert done.exit is not None
    assert done.exit.breach
    for part in done.layout.work.glob("part*"):
        part.unlink()  # as the server does when the job has ended
    assert bench.wait(task).value == "all"
