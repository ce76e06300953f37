"""The server of the soak: started, killed and started again over the same data."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.soak.http import CutOff, Down, Line
from cloche.executors._processes import pids

CLOCHE = Path(sys.executable).parent / "cloche"
_READY_S = 180.0
_END_S = 60.0
_PR_SET_CHILD_SUBREAPER = 36
_SETTINGS = """
[server]
url = "http://127.0.0.1:{port}"
datadir = "{home}/data"
parallelprocesses = {parallel}
maxprocesses = 500
[processing]
mode = "{mode}"
image = "{image}"
entrypoints = false
stopgrace = 0.3
packages = ["{home}/soak.py"]
"""


def become_reaper() -> None:
    """Whatever comes of servers and outlives them becomes ours: nothing can hide from the count in the end."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl CHILD_SUBREAPER")


class Server:
    """``generations`` are (pid, start time) of every process that has been the server."""

    def __init__(self, home: Path, *, mode: str, parallel: int, image: str = "") -> None:
        self.home = home
        self.datadir = home / "data"
        self.line = Line(_free_port())
        self.generations: list[tuple[int, int]] = []
        self.starts_s: list[float] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        (home / "tmp").mkdir(mode=0o1777)
        (home / "soak.py").write_text(Path(__file__).with_name("processes.py").read_text())
        settings = _SETTINGS.format(port=self.line.port, home=home, mode=mode, parallel=parallel, image=image)
        (home / "cloche.toml").write_text(settings)

    def start(self) -> None:
        """Wait until it answers. Raises RuntimeError."""
        began = time.monotonic()
        command = [str(CLOCHE), "serve", "--config", str(self.home / "cloche.toml"), "--port", str(self.line.port)]
        with (self.home / f"server-{len(self.generations)}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=os.environ | {"TMPDIR": str(self.home / "tmp")},
            )
        with self._lock:
            self._process = process
        self.generations.append((process.pid, pids.start_ticks(process.pid) or 0))
        while process.poll() is None and time.monotonic() - began < _READY_S:
            with contextlib.suppress(Down, CutOff):
                if self.line.ask("GET", "/healthz").status == 200:
                    self.starts_s.append(time.monotonic() - began)
                    return
            time.sleep(0.05)
        raise RuntimeError(f"server {len(self.generations)} did not start: see {log.name}")

    def end(self, number: int) -> int:
        """Send a signal and wait; the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self._process.wait(_END_S)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def kill(self) -> None:
        """As the kernel does it when memory is short."""
        self.end(signal.SIGKILL)

    def collect(self) -> None:
        """Bury what has become ours and is dead, as the first process of a host does."""
        with self._lock:
            own = self._process.pid if self._process is not None else -1
        with contextlib.suppress(ChildProcessError):
            while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and dead.si_pid != own:
                os.waitpid(dead.si_pid, os.WNOHANG)

    def warnings(self) -> list[str]:
        """What servers have logged that they should not."""
        lines = []
        for path in sorted(self.home.glob("server-*.log")):
            text = path.read_text("utf-8", "replace").splitlines()
            lines += [f"{path.name}: {line}" for line in text if '"error"' in line or "Traceback" in line]
        return lines


def _free_port() -> int:
    """One that no outgoing connection takes while the server is dead."""
    while True:
        port = random.randrange(20000, 30000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
