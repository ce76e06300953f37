"""The first process of a container: imports one package, waits for one order, supervises the execution.

It holds no secrets and sees no job but its own, whose directory is mounted before it is known which one it will be.
Executions are forked from it behind Landlock and seccomp, where the kernel has them, so that they can neither forge
what it writes nor end it.
"""

import contextlib
import json
import os
import select
import signal
import traceback
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from cloche import __version__
from cloche.jobdir import orders
from cloche.jobdir.orders import Level, Order, Ready
from cloche.model.codec import encode
from cloche.runner import supervisor, zygote
from cloche.runner.desk import Commission
from cloche.runner.groups import Groups
from cloche.runner.walls import kernel, raising
from cloche.runner.walls.view import View

JOB = "/job"  # where the job directory is mounted
_MAX_ORDER_BYTES = 1 << 16
_CONTROL = Path("/sys/fs/cgroup")
_KERNELS_OWN = frozenset({"dev", "job", "proc", "sys", "tmp"})
_OWN = ("/dev/shm", "/tmp")  # noqa: S108 - the container's, hence the execution's own


def serve(package: str, *, network: bool) -> NoReturn:
    """Import ``package``, obey one order, end. Never returns. ``network``: executions may use the container's."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    code = 1
    try:
        with _Desk() as desk:
            code = _serve(package, desk, network=network)
    except BaseException:  # noqa: BLE001 - the last edge: how it ends is the container's exit code
        traceback.print_exc()
    # the libraries of a package may take long to be taken down, for nothing
    os._exit(code)


def _serve(package: str, desk: "_Desk", *, network: bool) -> int:
    loaded = zygote.load(package)
    problem = loaded.report.problem or zygote.threaded()
    if loaded.call is None or problem:
        desk.announce(Ready(version=__version__, problem=problem))
        return 1
    zygote.hold_still()
    walls = _walls(network=network)
    desk.ready = Ready(version=__version__, level=walls.level)
    supervisor.supervise(walls, loaded.call, desk, supervisor.boot_id())
    return 0


class _Desk:
    """Standard input and output of the container (``supervisor.Desk``)."""

    def __init__(self) -> None:
        # what the package prints on import must not be taken for ours
        self._output = os.dup(1)
        os.dup2(2, 1)
        self.ready = Ready(version=__version__)
        self._used = False

    def __enter__(self) -> "_Desk":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._output)

    def announce(self, ready: Ready) -> None:
        """Say how the import went."""
        self._say(json.dumps(encode(ready)).encode())

    def prepare(self) -> Groups | None:
        """A container has one execution."""
        used, self._used = self._used, True
        return None if used else _groups()

    def has_order(self) -> bool:
        """Nobody sends one before the container says that it is ready."""
        return False

    def receive(self, signals: int) -> Commission | None:
        """One line, an order and a letter; the end of standard input is the end, and never an order."""
        self.announce(self.ready)
        line = self._line(signals)
        if not line:
            return None
        os.chdir(JOB)
        letter = bytearray(line[orders.ORDER_BYTES :].rstrip())
        return Commission(Order.load(line[: orders.ORDER_BYTES]), Groups(), memoryview(letter))

    def _line(self, signals: int) -> bytes:
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(signals, select.POLLIN)
        data = b""
        while not data.endswith(b"\n"):
            ready = [descriptor for descriptor, _ in poll.poll()]
            if signals in ready:
                if signal.SIGTERM in signal.sigpending():
                    return b""
                poll.unregister(signals)  # the execution has ended before it began: its order is answered with that
            if 0 in ready:
                piece = os.read(0, _MAX_ORDER_BYTES)
                data += piece
                if not piece or len(data) > _MAX_ORDER_BYTES:
                    return b""
        os.close(0)
        return data

    def confirm(self) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more; the task goes on
            self._say(orders.STARTED)

    def done(self) -> None:
        """The end of the container says it."""

    def _say(self, line: bytes) -> None:
        os.write(self._output, line + b"\n")


def look() -> Ready:
    """What a container of this image would say of itself."""
    return Ready(version=__version__, level=_level())


def _level() -> Level:
    """Landlock and seccomp; where the kernel has no Landlock the container is the only wall."""
    return Level.LANDLOCK if kernel.landlock_abi() else Level.PROCESS


def _walls(*, network: bool) -> raising.Walls:
    uid, gid = os.getuid(), os.getgid()
    readable = (os.fspath(path) for path in sorted(Path("/").iterdir()) if path.name not in _KERNELS_OWN)
    view = View(readable=(*readable, "/sys/devices/system/cpu"))
    walls = raising.prepare(_level(), view, JOB, uid=uid, gid=gid, network=network)
    return replace(walls, writable=_OWN)


def _groups() -> Groups:
    """The container's control groups, to read what they count; they were joined by whoever made it."""
    if _limited(_CONTROL / "memory.max") or _limited(_CONTROL / "pids.max"):
        return Groups(unified=_directory(_CONTROL))
    return Groups(
        memory=_directory(_CONTROL / "memory") if _limited(_CONTROL / "memory/memory.limit_in_bytes") else None,
        pids=_directory(_CONTROL / "pids") if _limited(_CONTROL / "pids/pids.max") else None,
        cpu=_directory(_CONTROL / "cpu"),
        accounting=_directory(_CONTROL / "cpuacct"),
    )


def _limited(file: Path) -> bool:
    """Whether there is such a control group, and one that keeps the limit."""
    try:
        text = file.read_text().strip()
    except OSError:
        return False
    return text.isdigit() and int(text) < 1 << 62


def _directory(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
