"""The two servers, one after the other, on this machine."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent

PYWPS = """
[server]
url=http://127.0.0.1:{port}/wps
maxsingleinputsize=500mb
maxrequestsize=500mb
maxprocesses=1000
parallelprocesses=8
workdir={home}
outputpath={home}
outputurl=http://127.0.0.1:{port}/outputs
[logging]
level=ERROR
file={home}/pywps.log
database=sqlite:///{home}/pywps.sqlite
"""

CLOCHE = """
[server]
url = "http://127.0.0.1:{port}"
maxsingleinputsize = "500MB"
maxrequestsize = "500MB"
maxprocesses = 1000
parallelprocesses = 8
datadir = "{home}/data"
[processing]
mode = "{mode}"
packages = ["{here}/processes.py"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: ``wps`` is its endpoint, ``outputs`` where PyWPS leaves status files."""

    name: str
    wps: str
    pid: int
    outputs: Path


@contextlib.contextmanager
def pywps(home: Path) -> Iterator[Server]:
    """PyWPS 4.8.1 under gunicorn with two workers, as its users deploy it."""
    port, home = _free_port(), _fresh(home / "pywps")
    (home / "pywps.cfg").write_text(PYWPS.format(port=port, home=home))
    command = [
        BIN / "gunicorn",
        "--workers=2",
        f"--bind=127.0.0.1:{port}",
        "--timeout=300",
        "bench.pywps_app:application",
    ]
    with _running(command, home, port, {"PYWPS_CFG": str(home / "pywps.cfg")}) as process:
        yield Server(name="PyWPS", wps=f"http://127.0.0.1:{port}/wps", pid=process.pid, outputs=home)


@contextlib.contextmanager
def cloche(home: Path, mode: str) -> Iterator[Server]:
    """Cloche on its embedded defaults."""
    port, home = _free_port(), _fresh(home / f"cloche-{mode}")
    (home / "cloche.toml").write_text(CLOCHE.format(port=port, home=home, mode=mode, here=HERE))
    command = [BIN / "cloche", "serve", "--config", home / "cloche.toml", "--port", str(port)]
    with _running(command, home, port, {}) as process:
        yield Server(name=f"Cloche {mode}", wps=f"http://127.0.0.1:{port}/wps", pid=process.pid, outputs=home)


@contextlib.contextmanager
def _running(command: list, home: Path, port: int, env: dict[str, str]) -> Iterator[subprocess.Popen]:
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=HERE.parent, env=os.environ | env)
    try:
        _await_answer(process, port, home)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(process: subprocess.Popen, port: int, home: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/wps?service=WPS&request=DescribeProcess&version=1.0.0&identifier=add")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {(home / 'server.log').read_text()[-3000:]}")


def _fresh(home: Path) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    return home


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
