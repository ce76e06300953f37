"""A package that breaks while a server serves it: what operators and clients are told."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import live

PACKAGE = """
import time
from typing import Annotated

from cloche.process import Output, process


@process(version="{version}")
def sleepy(seconds: float) -> Annotated[str, Output("What was done")]:
    \"\"\"Sleep.\"\"\"
    time.sleep(seconds)
    return "rested {version}"
"""
SETTINGS = """
[server]
parallelprocesses = 1
[processing]
packages = ["./sleepy.py", "./other.py"]
reload = 0.2
"""
UNAVAILABLE = "Process sleepy is temporarily unavailable: its package is broken. The operator finds the error in the"
EXECUTE = "/wps?service=WPS&version=1.0.0&request=Execute&identifier={}&DataInputs=seconds={}&RawDataOutput=result"
WPS2 = """<wps:Execute xmlns:wps="http://www.opengis.net/wps/2.0" xmlns:ows="http://www.opengis.net/ows/2.0"
  service="WPS" version="2.0.0" mode="sync" response="raw"><ows:Identifier>sleepy</ows:Identifier>
  <wps:Input id="seconds"><wps:Data><wps:LiteralValue>0</wps:LiteralValue></wps:Data></wps:Input>
  <wps:Output id="result" transmission="value"/></wps:Execute>"""


@pytest.fixture
def server() -> Iterator[live.Live]:
    with live.home() as folder:
        write(folder / "sleepy.py", "1")
        write(folder / "other.py", "1", name="other")
        running = live.start(folder, SETTINGS)
        try:
            yield running
        finally:
            running.end()


def write(path: Path, version: str, name: str = "sleepy") -> None:
    path.write_text(PACKAGE.replace("sleepy", name).replace("{version}", version))


def until(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def post(server: live.Live, path: str, body: str, media_type: str, **headers: str) -> tuple[int, str]:
    sent = {"Content-Type": media_type, **headers}
    request = urllib.request.Request(server.url + path, body.encode(), sent, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def execute(server: live.Live, process: str = "sleepy") -> bytes:
    return server.get(EXECUTE.format(process, 0))[1]


def health(server: live.Live) -> tuple[int, int]:
    said = json.loads(server.get("/healthz")[1])
    return said["processes"], said["unavailable"]


def test_a_package_that_breaks_is_told_of_in_every_protocol_and_comes_back(server: live.Live) -> None:
    assert execute(server) == b"rested 1"
    address = "/processes/sleepy/execution"
    _, accepted = post(server, address, '{"inputs": {"seconds": 3}}', "application/json", Prefer="respond-async")
    _, waiting = post(server, address, '{"inputs": {"seconds": 0}}', "application/json", Prefer="respond-async")
    (server.home / "sleepy.py").write_text("retrun nothing\n")
    until(lambda: health(server) == (2, 1))

    status, text = server.get(EXECUTE.format("sleepy", 0))
    assert (status, UNAVAILABLE in text.decode(), b"NoApplicableCode" in text) == (503, True, True)
    status, said = post(server, "/wps", WPS2, "text/xml")
    assert (status, UNAVAILABLE in said, "NoApplicableCode" in said) == (503, True, True)
    status, said = post(server, address, '{"inputs": {"seconds": 0}}', "application/json")
    assert status == 503
    assert (json.loads(said)["title"], UNAVAILABLE in said) == ("Process unavailable", True)
    # it is described all the same
    assert b"sleepy" in server.get("/wps?service=WPS&version=1.0.0&request=DescribeProcess&identifier=sleepy")[1]
    assert server.get("/processes/sleepy")[0] == 200

    # what runs goes on, what waits ends with the reason
    running, waited = (f"/jobs/{json.loads(answer)['jobID']}" for answer in (accepted, waiting))
    until(lambda: json.loads(server.get(running)[1])["status"] == "successful")
    until(lambda: json.loads(server.get(waited)[1])["status"] == "failed")
    assert "package of this process is broken" in server.get(waited)[1].decode()
    assert execute(server, "other") == b"rested 1"

    said = next(line for line in server.log() if line["event"].startswith("package broke"))
    assert said["package"].endswith("sleepy.py")
    assert "SyntaxError" in said["error"]

    write(server.home / "sleepy.py", "2")
    until(lambda: execute(server) == b"rested 2")
    assert health(server) == (2, 0)


def test_an_import_that_hangs_holds_up_nothing_and_is_given_up_when_it_is_mended(server: live.Live) -> None:
    (server.home / "sleepy.py").write_text("import time\ntime.sleep(600)\n")
    until(lambda: any("takes long" in line["event"] for line in server.log()))
    write(server.home / "other.py", "2", name="other")
    until(lambda: execute(server, "other") == b"rested 2")
    assert execute(server) == b"rested 1", "the old code runs on"
    assert health(server) == (2, 0)
    write(server.home / "sleepy.py", "3")
    until(lambda: execute(server) == b"rested 3")
    # and holds up no end
    (server.home / "sleepy.py").write_text("import time\ntime.sleep(600)\n")
    until(lambda: sum("takes long" in line["event"] for line in server.log()) == 2)
    begin = time.monotonic()
    assert server.end() == 0
    assert time.monotonic() - begin < 15


def test_doctor_names_the_package_that_is_broken() -> None:
    with live.home() as folder:
        write(folder / "sleepy.py", "1")
        (folder / "other.py").write_text("import nothing_of_that_name\n")
        (folder / "cloche.toml").write_text(SETTINGS)
        done = subprocess.run([live.CLOCHE, "doctor"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"package {folder / 'sleepy.py'}: 1 process\n" in done.stdout
        broken = f"package {folder / 'other.py'} is not served: ModuleNotFoundError"
        assert re.search(f"^{re.escape(broken)}.*nothing_of_that_name", done.stdout, re.MULTILINE), done.stdout
