"""A container daemon of one's own, to be stopped, killed and starved without harm to anybody else's."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import needs
from cloche.executors.docker.daemon import Daemon
from cloche.ports.executor import Unreachable

PATIENCE = 60.0


# crun 1.8.1 refuses a tree of control groups of version 2 beside version 1: the daemon does not get to see it
_WITHOUT_UNIFIED = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-c"),
    *('! mountpoint -q "$0" || umount "$0"; exec "$@"', "/sys/fs/cgroup/unified"),
)


class Dockerd:
    """``folder`` holds all that it has; ``host`` is its address; ``runtime``, if any, its OCI runtime."""

    def __init__(self, folder: Path, runtime: str = "") -> None:
        self.folder = folder
        self._runtime = runtime
        self.host = f"unix://{folder}/docker.sock"
        # never "none": that deletes the bridge of the machine's own daemon
        self._bridge = f"clo{uuid.uuid4().hex[:8]}"
        self._process: subprocess.Popen[bytes] | None = None
        _run("ip", "link", "add", self._bridge, "type", "bridge")
        _run("ip", "addr", "add", f"172.30.{os.getpid() % 250}.1/24", "dev", self._bridge)

    def start(self) -> None:
        """Start it and wait until it answers."""
        folder = self.folder
        command = ["dockerd", "-H", self.host, "--data-root", folder / "data", "--exec-root", folder / "exec"]
        command += ["--pidfile", folder / "pid", "--bridge", self._bridge, "--iptables=false", "--ip-masq=false"]
        if self._runtime:
            path = shutil.which(self._runtime)
            command += ["--add-runtime", f"{self._runtime}={path}", "--default-runtime", self._runtime]
            command = [*_WITHOUT_UNIFIED, *command]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while not self.answers():
            assert time.monotonic() < until, (folder / "log").read_text()[-3000:]
            assert self._process.poll() is None, (folder / "log").read_text()[-3000:]
            time.sleep(0.1)

    def answers(self) -> bool:
        if not self._listens():
            return False
        daemon = Daemon(self.host, call_timeout_s=2, start_timeout_s=2)
        try:
            daemon.version()
        except Unreachable:
            return False
        finally:
            daemon.close()
        return True

    def _listens(self) -> bool:
        """Looked at here first: docker's client leaves sockets open that could not be connected."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.host.removeprefix("unix://")) == 0

    def signal(self, number: int) -> None:
        """SIGKILL and SIGTERM end it, SIGSTOP hangs it."""
        assert self._process is not None
        self._process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait(PATIENCE)
        if number == signal.SIGKILL:
            self._end_containerd()

    def hang_containerd(self, number: int) -> None:
        """SIGSTOP: the daemon answers, and no container is started or ended; SIGCONT: they are again."""
        os.kill(self._containerd(), number)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            with contextlib.suppress(FileNotFoundError):
                self.hang_containerd(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._end_containerd()
        _run("ip", "link", "del", self._bridge)

    def _containerd(self) -> int:
        return int((self.folder / "exec/containerd/containerd.pid").read_text())

    def _end_containerd(self) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(self._containerd(), signal.SIGKILL)


@contextlib.contextmanager
def dockerd(size: str = "", runtime: str = "") -> Iterator[Dockerd]:
    """A running daemon; ``size``: its data on a file system of that size, in memory; ``runtime``: as for Dockerd."""
    needs.need("dockerd", when=os.getuid() == 0 and bool(shutil.which("dockerd")), reason="no root, or no dockerd")
    folder = Path(tempfile.mkdtemp(prefix="cloche-dockerd-", dir="/var/tmp"))
    (folder / "data").mkdir()
    if size:
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "cloche-test", str(folder / "data"))
    daemon = Dockerd(folder, runtime)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()
        _unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _unmount_below(folder: Path) -> None:
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in reversed([place for place in places if place.startswith(f"{folder}/")]):
        subprocess.run(["umount", "-l", place], check=False)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
