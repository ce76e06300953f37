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
DESCRIBED = "/wps?service=WPS&request=DescribeProcess&version=1.0.0&identifier=add"

PYWPS = """
[server]
url=http://127.0.0.1:{port}/wps
maxsingleinputsize=500mb
maxrequestsize=500mb
maxprocesses=1000
parallelprocesses = 32
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
parallelprocesses = 32
datadir = "{home}/data"
[processing]
mode = "{mode}"
packages = ["{here}/processes.py"]
"""

PYGEOAPI = """
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  language: en-US
  limits: {{default_items: 10, max_items: 10000}}
  map: {{url: "http://localhost/", attribution: none}}
  manager: {{name: TinyDB, connection: "{home}/jobs.db", output_dir: "{home}"}}
logging: {{level: ERROR, logfile: "{home}/pygeoapi.log"}}
metadata:
  identification:
    title: {{en: bench}}
    description: {{en: bench}}
    keywords: {{en: [bench]}}
    keywords_type: theme
    terms_of_service: none
    url: http://localhost
  license: {{name: MIT, url: "http://localhost"}}
  provider: {{name: bench, url: "http://localhost"}}
  contact: {{name: bench, email: bench@example.org, url: "http://localhost"}}
resources:
  add: {{type: process, processor: {{name: bench.pygeoapi_process.Add}}}}
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
    port, home = free_port(), fresh(home / "pywps")
    (home / "pywps.cfg").write_text(PYWPS.format(port=port, home=home))
    command = [
        BIN / "gunicorn",
        "--workers=2",
        f"--bind=127.0.0.1:{port}",
        "--timeout=300",
        "bench.pywps_app:application",
    ]
    with running(command, home, f"{port}{DESCRIBED}", {"PYWPS_CFG": str(home / "pywps.cfg")}) as process:
        yield Server(name="PyWPS", wps=f"http://127.0.0.1:{port}/wps", pid=process.pid, outputs=home)


@contextlib.contextmanager
def pygeoapi(home: Path) -> Iterator[Server]:
    """pygeoapi 0.21 under gunicorn with two workers and its default job manager."""
    port, home = free_port(), fresh(home / "pygeoapi")
    config, openapi = home / "config.yml", home / "openapi.yml"
    config.write_text(PYGEOAPI.format(port=port, home=home))
    env = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi), "PYTHONPATH": str(HERE.parent)}
    generate = [BIN / "pygeoapi", "openapi", "generate", config, "--output-file", openapi]
    subprocess.run(generate, check=True, capture_output=True, cwd=HERE.parent, env=os.environ | env)
    command = [BIN / "gunicorn", "--workers=2", f"--bind=127.0.0.1:{port}", "--timeout=300", "pygeoapi.flask_app:APP"]
    with running(command, home, f"{port}/processes/add", env) as process:
        yield Server(name="pygeoapi", wps=f"http://127.0.0.1:{port}", pid=process.pid, outputs=home)


@contextlib.contextmanager
def cloche(home: Path, mode: str) -> Iterator[Server]:
    """Cloche on its embedded defaults."""
    port, home = free_port(), fresh(home / f"cloche-{mode}")
    (home / "cloche.toml").write_text(CLOCHE.format(port=port, home=home, mode=mode, here=HERE))
    command = [BIN / "cloche", "serve", "--config", home / "cloche.toml", "--port", str(port)]
    with running(command, home, f"{port}{DESCRIBED}", {}) as process:
        yield Server(name=f"Cloche {mode}", wps=f"http://127.0.0.1:{port}/wps", pid=process.pid, outputs=home)


@contextlib.contextmanager
def running(command: list, home: Path, place: str, env: dict[str, str]) -> Iterator[subprocess.Popen]:
    """A server that answers at ``place``, a port and a path."""
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=HERE.parent, env=os.environ | env)
    try:
        _await_answer(process, place, home)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(process: subprocess.Popen, place: str, home: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            port, slash, path = place.partition("/")
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
            connection.request("GET", slash + path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {(home / 'server.log').read_text()[-3000:]}")


def fresh(home: Path) -> Path:
    """An empty directory."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    return home


def free_port() -> int:
    """Nobody listens on it now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
