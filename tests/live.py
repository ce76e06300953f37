"""Live servers for tests: real processes of ``cloche serve``, each on a free port with a data directory of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLOCHE = Path(sys.executable).parent / "cloche"
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A running server. ``url`` is its root, ``wps`` the endpoint, ``home`` the directory of its settings."""

    url: str
    home: Path
    process: subprocess.Popen

    @property
    def wps(self) -> str:
        return f"{self.url}/wps"

    @property
    def datadir(self) -> Path:
        return self.home / "cloche-data"

    @property
    def config(self) -> Path:
        return self.home / "cloche.toml"

    def log(self) -> list[dict]:
        """The structured lines that it has logged."""
        lines = (self.home / "server.log").read_text("utf-8", "replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def get(self, path: str, timeout: float = PATIENCE) -> tuple[int, bytes]:
        """Status and body of a GET of a path below the root, or of an address."""
        address = self.url + path if path.startswith("/") else path
        try:
            with urllib.request.urlopen(address, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end of the server; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def home() -> Iterator[Path]:
    """A directory whose packages executions of another account can read: pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="cloche-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start(
    folder: Path, settings: str = "", *, demo: bool = False, environment: Mapping[str, str] | None = None
) -> Live:
    """Start a server in ``folder``, with what is there from an earlier one, and wait until it answers."""
    (folder / "cloche.toml").write_text(settings, "utf-8")
    command = [str(CLOCHE), "serve", "--config", str(folder / "cloche.toml"), "--port", "0"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command + ["--demo"] * demo,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
    try:
        return _ready(Live(url="", home=folder, process=process))
    except BaseException:
        process.kill()
        process.wait()
        raise


def _ready(live: Live) -> Live:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and live.process.poll() is None:
        url = next((line["url"] for line in live.log() if line.get("event") == "serving"), None)
        if url is not None:
            found = Live(url=url, home=live.home, process=live.process)
            status, _ = found.get("/healthz")
            if status == 200:
                return found
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {(live.home / 'server.log').read_text('utf-8')[-5000:]}")
