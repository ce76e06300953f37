"""The clock on the wall jumps under a live server: nothing ends or expires for it. Durations are not told by it."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import live
import needs

PACKAGE = """
import time
from typing import Annotated

from cloche.process import Output, process


@process(version="1")
def sleepy(seconds: float) -> Annotated[str, Output("What was done")]:
    \"\"\"Sleep.\"\"\"
    time.sleep(seconds)
    return "rested"
"""
SETTINGS = """
[server]
parallelprocesses = 1
keepresults = "1h"
[limits]
time = "1min"
queuetime = "1h"
[processing]
packages = ["./sleepy.py"]
"""
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class Clock:
    """What the server takes for the time; its zygotes see the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump("+0")

    def jump(self, offset: str) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(offset)
        new.rename(self._file)

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    needs.need("faketime", when=LIBRARY is not None, reason="Debian's package faketime is not installed")
    return Clock(tmp_path / "offset")


@pytest.fixture
def server(clock: Clock) -> Iterator[live.Live]:
    with live.home() as folder:
        (folder / "sleepy.py").write_text(PACKAGE)
        running = live.start(folder, SETTINGS, environment=clock.environment())
        try:
            yield running
        finally:
            running.end()


def submit(server: live.Live, seconds: float) -> str:
    request = urllib.request.Request(
        f"{server.url}/processes/sleepy/execution",
        json.dumps({"inputs": {"seconds": seconds}}).encode(),
        {"Content-Type": "application/json", "Prefer": "respond-async"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["jobID"]


def status(server: live.Live, job: str) -> dict:
    return json.loads(server.get(f"/jobs/{job}")[1])


def ended(server: live.Live, job: str) -> dict:
    deadline = time.monotonic() + 30
    while (found := status(server, job)).get("status") in ("accepted", "running"):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


@pytest.mark.parametrize("offset", ["+2d", "-2d"])
def test_a_jump_ends_and_expires_nothing(server: live.Live, clock: Clock, offset: str) -> None:
    kept = submit(server, 0)
    assert ended(server, kept)["status"] == "successful"
    running, waiting = submit(server, 8), submit(server, 0)
    time.sleep(1)
    clock.jump(offset)
    # an answer that waits a moment for young jobs does not wait for the clock
    begin = time.monotonic()
    assert b"Running" in server.get(f"/wps?service=WPS&version=2.0.0&request=GetStatus&JobID={running}")[1]
    assert time.monotonic() - begin < 3
    time.sleep(2)
    assert status(server, running)["status"] == "running"
    assert status(server, waiting)["status"] == "accepted"
    for job in (running, waiting, submit(server, 0)):
        found = ended(server, job)
        assert found["status"] == "successful", found
    assert server.get(f"/jobs/{kept}/results")[0] == 200


def test_the_server_did_see_the_jump(server: live.Live, clock: Clock) -> None:
    clock.jump("+2d")
    created = status(server, submit(server, 0))["created"]
    assert created[:10] == time.strftime("%Y-%m-%d", time.gmtime(time.time() + 2 * 86400))
