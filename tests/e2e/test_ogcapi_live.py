"""OGC API against live servers: executions, clients of others, callbacks over a restart, one job in all protocols."""

import base64
import email
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from owslib.ogcapi.processes import Processes
from owslib.wps import WebProcessingService, monitorExecution

import live
from ogcapi_house import _validator

PATIENCE = 60


def call(server, path, body=None, method=None, **headers):
    """Status, headers and body of an exchange."""
    url = path if "://" in path else server.url + path
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)
    request.add_header("content-type", "application/json")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read()


def ended(server, url):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        info = json.loads(call(server, url)[2])
        if info["status"] not in ("accepted", "running"):
            return info
        time.sleep(0.05)
    raise AssertionError(info)


def valid(standards, body, schema):
    found = json.loads(body)
    assert _validator(standards / "validate.py").check_json(found, schema) == [], found
    return found


def test_the_echo_echoes_everything(server, standards):
    picture = (standards / "cite/files/ets-ogcapi-processes10/testgeotiff.tiff").read_bytes()
    inputs = {
        "echo": "teststring",
        "number": 2.5,
        "date": "2024-05-31T12:00:00Z",
        "array": [1, 2, 3],
        "mixed": {"name": "x", "flag": True},
        "boundingBox": {"bbox": [51.9, 7, 52, 7.1], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"},
        "image": {
            "value": base64.b64encode(picture).decode(),
            "format": {"mediaType": "image/tiff; application=geotiff", "encoding": "base64"},
        },
    }
    outputs = {name: {} for name in inputs} | {"mixed": {"format": {"mediaType": "application/json"}}}
    body = {"inputs": inputs, "outputs": outputs, "response": "document"}
    status, headers, content = call(server, "/processes/EchoProcess/execution", body)
    assert status == 200, content
    found = valid(standards, content, "results")
    for name in ("echo", "number", "date", "array", "boundingBox"):
        assert found[name] == inputs[name]
    assert found["mixed"]["value"] == inputs["mixed"]
    assert base64.b64decode(found["image"]["value"]) == picture
    status, headers, content = call(server, "/processes/EchoProcess/execution", {"inputs": inputs})
    message = email.message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + content)
    parts = {part["content-id"]: part for part in message.get_payload()}
    assert set(parts) == set(inputs)
    assert parts["image"].get_payload(decode=True) == picture


def test_a_job_from_afar(server, standards):
    body = {"inputs": {"echo": "teststring", "pause": 1}, "outputs": {"echo": {}}}
    status, headers, content = call(server, "/processes/EchoProcess/execution", body, prefer="respond-async")
    assert (status, headers["preference-applied"]) == (201, "respond-async")
    info = valid(standards, content, "statusInfo")
    assert headers["location"] == f"{server.url}/jobs/{info['jobID']}"
    status, headers, content = call(server, f"{headers['location']}/results")
    assert status == 404
    assert valid(standards, content, "exception")["type"].endswith("/result-not-ready")
    stream = call(server, f"/jobs/{info['jobID']}/events")[2].decode()
    assert stream.index('"running"') < stream.index('"succeeded"') < stream.index("event: end")
    assert "event: progress" in stream
    found = ended(server, f"/jobs/{info['jobID']}")
    assert found["status"] == "successful"
    assert found["started"] <= found["finished"]
    results = {link["rel"]: link["href"] for link in found["links"]}["http://www.opengis.net/def/rel/ogc/1.0/results"]
    assert b"teststring" in call(server, results)[2]
    assert call(server, f"/jobs/{info['jobID']}/log")[0] == 200
    valid(standards, call(server, "/jobs")[2], "jobList")
    assert json.loads(call(server, f"/jobs/{info['jobID']}", method="DELETE")[2])["status"] == "dismissed"
    assert call(server, f"/jobs/{info['jobID']}")[0] == 404


def test_a_running_job_is_stopped(server):
    body = {"inputs": {"echo": "x", "pause": 60}}
    _, headers, _ = call(server, "/processes/EchoProcess/execution", body, prefer="respond-async")
    began = time.monotonic()
    assert json.loads(call(server, headers["location"], method="DELETE")[2])["status"] == "dismissed"
    assert ended(server, headers["location"])["status"] == "dismissed"
    assert time.monotonic() - began < 20
    assert call(server, headers["location"], method="DELETE")[0] == 404


def test_a_job_of_one_protocol_is_everybodys(server, standards):
    """Begun over OGC API, read over WPS; begun over WPS, listed, read and removed over OGC API."""
    body = {"inputs": {"echo": "across"}, "outputs": {"echo": {}}, "response": "document"}
    _, headers, content = call(server, "/processes/EchoProcess/execution", body, prefer="respond-async")
    ended(server, headers["location"])
    status, content = server.get(f"/wps/jobs/{json.loads(content)['jobID']}")
    assert status == 200
    assert b"across" in content
    wps = WebProcessingService(server.wps)
    run = wps.execute("EchoProcess", [("echo", "back")], output=[("echo", False)], mode="async")
    monitorExecution(run, sleepSecs=0.1)
    job = run.statusLocation.rpartition("/")[2]
    assert job in [item["jobID"] for item in json.loads(call(server, "/jobs?processID=EchoProcess")[2])["jobs"]]
    assert json.loads(call(server, f"/jobs/{job}/results")[2]) == {"echo": "back"}
    assert call(server, f"/jobs/{job}", method="DELETE")[0] == 200
    assert server.get(f"/wps/jobs/{job}")[0] == 404


def test_owslib_describes_and_executes(server):
    api = Processes(server.url)
    assert "EchoProcess" in [process["id"] for process in api.processes()]
    assert api.process("EchoProcess")["inputs"]["echo"]["schema"] == {"type": "string"}
    assert api.execute("EchoProcess", {"echo": "owslib"}, {"echo": {}}) == {"echo": "owslib"}
    job = api.execute("EchoProcess", {"echo": "later"}, {"echo": {}}, async_=True)
    info = ended(server, job["jobID"] if "://" in str(job.get("jobID")) else f"/jobs/{job['jobID']}")
    assert info["status"] == "successful"


@contextmanager
def subscriber(port=0) -> Iterator[tuple[int, list]]:
    seen: list = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_): ...

    listening = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield listening.server_address[1], seen
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


SETTINGS = """
[processing]
packages = ["cloche.library.echo"]
[callbacks]
allowedhosts = ["127.0.0.1"]
[server]
alloworigins = ["https://maps.example.org"]
"""


def test_subscribers_are_told_even_over_a_crash(serve, standards):
    running = serve(SETTINGS)
    with subscriber() as (port, seen):
        base = f"http://127.0.0.1:{port}"
        told = {"successUri": f"{base}/s", "inProgressUri": f"{base}/p", "failedUri": f"{base}/f"}
        body = {"inputs": {"echo": "told"}, "outputs": {"echo": {}}, "subscriber": told}
        call(running, "/processes/EchoProcess/execution", body, prefer="respond-async")
        until(lambda: len(seen) == 2)
    assert [path for path, _ in seen] == ["/p", "/s"]
    assert valid(standards, seen[0][1], "statusInfo")["status"] in ("running", "successful")
    assert valid(standards, seen[1][1], "results") == {"echo": "told"}
    # nobody listens now, and then the server is killed
    _, headers, _ = call(running, "/processes/EchoProcess/execution", body, prefer="respond-async")
    ended(running, headers["location"])
    running.end(signal.SIGKILL)
    with subscriber(port) as (_, seen):
        serve(SETTINGS, folder=running.home)
        until(lambda: any(path == "/s" for path, _ in seen))
    assert (running.datadir / "callback-secret").stat().st_mode & 0o777 == 0o600


def test_pages_of_other_origins_and_packed_answers(serve):
    running = serve(SETTINGS)
    allowed = call(running, "/processes", origin="https://maps.example.org")[1]
    assert allowed["access-control-allow-origin"] == "https://maps.example.org"
    assert "Location" in allowed["access-control-expose-headers"]
    assert "access-control-allow-origin" not in call(running, "/processes", origin="https://elsewhere.example.org")[1]
    packed = call(running, "/api", accept_encoding="gzip")
    assert packed[1]["content-encoding"] == "gzip"
    again = call(running, "/api", accept_encoding="gzip", if_none_match=packed[1]["etag"])
    assert (again[0], again[2]) == (304, b"")


KINDS = '''
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from cloche.process import BoundingBox, File, Input, Json, Output, process


@process
def kinds(
    text: str,
    number: Annotated[float, Input(minimum=0, maximum=10)] = 1.0,
    whole: Annotated[int, Input(minimum=-5, maximum=5)] = 0,
    choice: Literal["small", "large"] = "small",
    flag: bool = False,
    day: date | None = None,
    many: list[int] | None = None,
    box: BoundingBox | None = None,
    document: Json | None = None,
    picture: Annotated[File | None, Input(formats=["image/png"])] = None,
) -> Annotated[str, Output(id="summary")]:
    """Every kind of input."""
    return f"{text} {number} {whole} {choice} {flag} {day} {many} {box}"


@dataclass(frozen=True)
class Place:
    x: Annotated[float, Input(minimum=-180, maximum=180)]
    names: list[str]
    y: Annotated[float, Input(minimum=-90, maximum=90)] = 0.0


@dataclass(frozen=True)
class Corner:
    x: float
    y: float


@dataclass(frozen=True)
class Answer:
    count: int
    first: Annotated[Corner, Output("First")]


@process(version="1.0.0")
def nested(places: Annotated[list[Place], Input(max_occurs=3)], only: Place | None = None) -> Answer:
    """Inputs in inputs, and outputs in outputs."""
    return Answer(len(places), Corner(places[0].x, places[0].y))
'''


@pytest.mark.timeout(400)
@pytest.mark.parametrize("profile", ["1.0", "2.0-draft"])
def test_schemathesis_finds_the_api_as_it_says(serve, tmp_path, profile):
    """Runs over /api: whatever may be sent is answered as documented; what fits the schema is accepted.

    Not so in the query strings of draft 2.0, where every value is a text to the schema.
    """
    with live.home() as folder:
        (folder / "kinds.py").write_text(KINDS)
        running = serve(f'[processing]\npackages = ["{folder}/kinds.py"]\n[ogcapi]\nprofile = "{profile}"\n')
        _run_schemathesis(running, tmp_path, positive=profile == "1.0")
    assert not [line for line in running.log() if line.get("level") in ("error", "critical")]


def _run_schemathesis(running, tmp_path, *, positive):
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{running.url}/api", "--seed", "1",
               "--request-timeout", "30", "--no-color", "--generation-database", "none"]  # fmt: skip
    common = {"env": os.environ | {"PYTHONPATH": str(tmp_path), "SCHEMATHESIS_HOOKS": "hooks"}, "cwd": tmp_path}
    # references lead nowhere from here, a box has its corners in order, a key is used once: no schema says so
    (tmp_path / "hooks.py").write_text(
        "import json, schemathesis\n"
        "@schemathesis.hook\n"
        "def filter_body(context, body):\n"
        "    text = json.dumps(body, default=str)\n"
        "    return 'href' not in text and 'bbox' not in text\n"
        "@schemathesis.hook\n"
        "def filter_query(context, query):\n"
        "    return 'datetime' not in (query or {})\n"
        "@schemathesis.hook\n"
        "def filter_headers(context, headers):\n"
        "    return 'Idempotency-Key' not in (headers or {})\n"
    )
    for arguments in (
        ["--phases", "coverage,fuzzing", "--max-examples", "8", "--exclude-checks", "positive_data_acceptance",
         "--exclude-path-regex", "/events"],
        ["--phases", "fuzzing", "--max-examples", "15", "--mode", "positive", "--exclude-path-regex",
         "/events|/results"],
    )[: 1 + positive]:  # fmt: skip
        ran = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, timeout=200, **common)
        assert ran.returncode == 0, ran.stdout[-6000:]
