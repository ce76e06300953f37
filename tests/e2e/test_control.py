"""Pause, resume, dismiss and drain of live servers: over every protocol, by commands, over the server's death."""

import json
import re
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import live
import needs
from cloche.jobdir.orders import Level
from executions import capabilities

PACKAGE = """
import os
import signal
import time
from pathlib import Path
from typing import Annotated

from cloche.process import Input, Job, Output, process


@process(version="1")
def beats(seconds: Annotated[float, Input("How long")], *, job: Job) -> Annotated[str, Output("What was done")]:
    \"\"\"Leave beats, with a child and a daemon that does not listen.\"\"\"
    job.progress(50, "beating")
    if os.fork() == 0:
        beat("child")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            beat("daemon")
        os._exit(0)
    beat("first", seconds)
    return "beaten"


@process(version="1")
def deaf(seconds: float) -> Annotated[str, Output("What was done")]:
    \"\"\"Hear no request to end.\"\"\"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    beat("first", seconds)
    return "beaten"


@process(version="1")
def text(data: str) -> Annotated[str, Output("What was done")]:
    \"\"\"Say it again.\"\"\"
    return data


def beat(name: str, seconds: float = 3600) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with Path(f"beat.{name}").open("a") as file:
            file.write("x")
        time.sleep(0.005)
"""
MODES = {"multiprocessing": (Level.PROCESS,), "sandbox": (Level.FULL, Level.LANDLOCK)}


def settings(mode: str = "auto", server: str = "", processing: str = "") -> str:
    return (
        f'[server]\nparallelprocesses = 2\n{server}\n[processing]\nmode = "{mode}"\nentrypoints = false\n'
        f'packages = ["./chores.py"]\n{processing}\n'
    )


@contextmanager
def serving(text: str = "") -> Iterator[live.Live]:
    """A server with the package; whoever replaces it in the same folder ends it himself."""
    with live.home() as folder:
        (folder / "chores.py").write_text(PACKAGE)
        server = live.start(folder, text or settings())
        try:
            yield server
        finally:
            for job in jobs(server):
                cloche("jobs", "dismiss", job, cwd=folder)
            server.end(signal.SIGINT)


@pytest.fixture(scope="module", params=MODES)
def server(request: pytest.FixtureRequest) -> Iterator[live.Live]:
    found = capabilities().strongest(*MODES[request.param])
    needs.need(f"mode-{request.param}", when=found is not None, reason="it does not work here")
    with serving(settings(request.param)) as server:
        yield server


def jobs(server: live.Live) -> list[str]:
    return [path.name for path in (server.datadir / "jobs").iterdir()]


def call(server: live.Live, path: str, body: object = None, method: str | None = None, **headers: str):
    """Status, headers and body."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/xml" if isinstance(body, bytes) else "application/json"
    request = urllib.request.Request(server.url + path, data, {"content-type": kind, **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read()


def cloche(*arguments: object, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [live.CLOCHE, *map(str, arguments)], check=False, cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def until(happens, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not happens():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def execute(server: live.Live, process: str = "beats", **inputs: object) -> str:
    status, headers, body = call(server, f"/processes/{process}/execution", {"inputs": inputs}, Prefer="respond-async")
    assert status == 201, body
    return headers["location"].rsplit("/", 1)[1]


def beating(server: live.Live, process: str = "beats", number: int = 3) -> str:
    """A job all of whose processes are at work."""
    job = execute(server, process, seconds=120)
    until(lambda: len(beats(server, job)) == number)
    return job


def beats(server: live.Live, job: str) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (server.datadir / "jobs" / job / "work").glob("beat.*")}


def info(server: live.Live, job: str) -> dict:
    return json.loads(call(server, f"/jobs/{job}")[2])


def is_paused(server: live.Live, job: str) -> bool:
    return info(server, job).get("message", "").startswith("Paused")


def still(server: live.Live, job: str) -> bool:
    held = beats(server, job)
    time.sleep(0.1)
    return beats(server, job) == held


def wps2(server: live.Live, operation: str, job: str) -> str:
    status, _, body = call(server, f"/wps?service=WPS&version=2.0.0&request={operation}&JobID={job}")
    assert status == 200, body
    return re.search(rb"<wps:Status>(\w+)</wps:Status>", body)[1].decode()


def test_pause_and_resume_over_every_protocol(server):
    job = beating(server)
    assert call(server, f"/jobs/{job}/pause", method="POST")[0] == 200
    until(lambda: is_paused(server, job))
    assert still(server, job)
    assert info(server, job)["status"] == "running"  # the standard has no other word
    assert b"<wps:ProcessPaused" in call(server, f"/wps/jobs/{job}")[2]
    assert wps2(server, "GetStatus", job) == "Paused"

    assert wps2(server, "Resume", job) == "Running"
    until(lambda: not still(server, job))
    assert wps2(server, "Pause", job) == "Paused"
    assert wps2(server, "Pause", job) == "Paused"
    assert still(server, job)
    assert call(server, f"/jobs/{job}/resume", method="POST")[0] == 200
    until(lambda: not still(server, job) and not is_paused(server, job))
    assert b"<wps:ProcessStarted" in call(server, f"/wps/jobs/{job}")[2]
    assert call(server, f"/jobs/{job}", method="DELETE")[0] == 200


def test_what_can_be_paused_says_so(server):
    description = call(server, "/wps?service=WPS&version=2.0.0&request=DescribeProcess&identifier=beats")[2]
    assert b"urn:cloche:wps:pause" in description


@pytest.mark.parametrize("first", ["run", "pause"])
@pytest.mark.parametrize("process", ["beats", "deaf"])
def test_dismissed_jobs_are_dead_within_two_seconds(server, process, first):
    job = beating(server, process, 3 if process == "beats" else 1)
    family = living(server, job)
    assert len(family) >= (3 if process == "beats" else 1)
    if first == "pause":
        call(server, f"/jobs/{job}/pause", method="POST")
        until(lambda: is_paused(server, job))
    begin = time.monotonic()
    status, _, body = call(server, f"/jobs/{job}", method="DELETE")
    assert time.monotonic() - begin < 0.5, "an answer at once"
    assert (status, json.loads(body)["status"]) == (200, "dismissed")
    until(lambda: not living(server, job, family), 2 - (time.monotonic() - begin))
    until(lambda: state(server, job) == "dismissed")
    assert not list((server.datadir / "results").glob(f"{job}/*"))
    until(lambda: not (server.datadir / "jobs" / job / "work").exists())
    assert call(server, f"/jobs/{job}", method="DELETE")[0] == 404  # gone, as the standard wants it


def state(server: live.Live, job: str) -> str:
    """What the server's records say: answers to clients may be ahead of it."""
    with closing(sqlite3.connect(server.datadir / "cloche.sqlite")) as database:
        return database.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()[0]


def living(server: live.Live, job: str, known: set[int] | None = None) -> set[int]:
    """Processes that have the job's work directory for their own: by the host's process table."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (known is None or int(entry.name) in known):
            try:
                place, state = (
                    str((entry / "cwd").readlink()),
                    (entry / "stat").read_text().rpartition(")")[2].split()[0],
                )
            except OSError:
                continue
            if place.endswith(f"/{job}/work") and state not in "ZX":
                found.add(int(entry.name))
    return found


def test_paused_jobs_outlive_the_server(server):
    """The last test of the module that uses the server of its mode: it is replaced."""
    resumed, dismissed, waiting = beating(server), beating(server), execute(server, seconds=0.1)
    cloche("jobs", "pause", resumed, dismissed, waiting, cwd=server.home)
    until(lambda: is_paused(server, resumed) and is_paused(server, dismissed))
    server.end(signal.SIGKILL)
    text = server.config.read_text()
    successor = live.start(server.home, text)
    try:
        assert is_paused(successor, resumed)
        assert is_paused(successor, dismissed)
        assert still(successor, resumed)
        cloche("jobs", "resume", resumed, waiting, cwd=server.home)
        until(lambda: not still(successor, resumed))
        call(successor, f"/jobs/{dismissed}", method="DELETE")
        until(lambda: state(successor, waiting) == "succeeded")  # the slot of the dismissed one
        assert state(successor, dismissed) == "dismissed"
        call(successor, f"/jobs/{resumed}", method="DELETE")
        until(lambda: not living(successor, resumed))
    finally:
        successor.end()


def test_the_command_line_says_what_becomes_of_each_job():
    with serving(settings(server="maxprocesses = 5")) as server:
        folder = server.home
        one, two = beating(server), beating(server)
        waiting, next_ = execute(server, seconds=0.1), execute(server, seconds=0.1)
        done = cloche("jobs", "pause", one, "unknown", waiting, cwd=folder, code=1)
        assert done.stdout.splitlines() == [f"{one}: will be paused", f"{waiting}: is held back"]
        assert "unknown: There is no job unknown." in done.stderr
        until(lambda: state(server, one) == "paused")
        assert cloche("jobs", "pause", one, cwd=folder).stdout == f"{one}: is paused\n"
        listed = cloche("jobs", "list", cwd=folder).stdout
        for job, words in ((waiting, "accepted (wanted: pause)"), (one, "paused  "), (next_, "accepted  ")):
            assert words in next(line for line in listed.splitlines() if line.startswith(job)), listed

        cloche("jobs", "dismiss", two, cwd=folder)
        until(lambda: state(server, next_) == "succeeded")
        assert state(server, waiting) == "accepted"  # it was first in the queue, and is held back
        assert cloche("jobs", "resume", waiting, cwd=folder).stdout == f"{waiting}: will go on\n"
        until(lambda: state(server, waiting) == "succeeded")

        done = cloche("jobs", "resume", waiting, one, cwd=folder, code=1)
        assert (done.stdout, "has ended" in done.stderr) == (f"{one}: will go on\n", True)
        done = cloche("jobs", "dismiss", waiting, one, "unknown", cwd=folder, code=1)
        assert done.stdout.splitlines() == [f"{waiting}: has ended already (succeeded)", f"{one}: will be dismissed"]
        done = cloche("jobs", "pause", one, cwd=folder, code=1)
        assert "is being dismissed" in done.stderr or "has ended" in done.stderr


def test_a_job_whose_inputs_are_fetched_is_dismissed_within_two_seconds():
    """The reference is never answered."""
    asked, over = threading.Event(), threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            over.wait(30)

    source = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=source.serve_forever, daemon=True).start()
    try:
        text = settings() + '[references]\nallowedhosts = ["127.0.0.0/8"]\n'
        with serving(text) as server:
            href = f"http://127.0.0.1:{source.server_port}/"
            body = f"""<wps:Execute xmlns:wps="http://www.opengis.net/wps/2.0" xmlns:ows="http://www.opengis.net/ows/2.0"
              xmlns:xlink="http://www.w3.org/1999/xlink" service="WPS" version="2.0.0" response="document" mode="async">
              <ows:Identifier>text</ows:Identifier><wps:Input id="data"><wps:Reference xlink:href="{href}"/></wps:Input>
              <wps:Output id="result" transmission="value"/></wps:Execute>"""
            status, _, answer = call(server, "/wps", body.encode())
            assert status == 200, answer
            job = re.search(rb"<wps:JobID>([^<]+)", answer)[1].decode()
            assert asked.wait(5), answer
            assert state(server, job) == "starting"
            begin = time.monotonic()
            assert wps2(server, "Dismiss", job) == "Dismissed"
            until(lambda: state(server, job) == "dismissed", 2 - (time.monotonic() - begin))
    finally:
        over.set()
        source.shutdown()
        source.server_close()


XML = b"""<wps:Execute xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"
  service="WPS" version="1.0.0"><ows:Identifier>text</ows:Identifier><wps:DataInputs><wps:Input>
  <ows:Identifier>data</ows:Identifier><wps:Data><wps:LiteralData>x</wps:LiteralData></wps:Data></wps:Input>
  </wps:DataInputs></wps:Execute>"""
XML2 = b"""<wps:Execute xmlns:wps="http://www.opengis.net/wps/2.0" xmlns:ows="http://www.opengis.net/ows/2.0"
  service="WPS" version="2.0.0" response="document" mode="sync"><ows:Identifier>text</ows:Identifier>
  <wps:Input id="data"><wps:Data>x</wps:Data></wps:Input><wps:Output id="result" transmission="value"/>
  </wps:Execute>"""


def refusals(server: live.Live) -> list[tuple[int, str, bool]]:
    """How a new job is answered in each protocol: status, Retry-After, and whether it is the protocol's own word."""
    answers = [call(server, "/wps", XML), call(server, "/wps", XML2)]
    busy, why = b'exceptionCode="ServerBusy"', b"The server takes no new jobs at present."
    found = [(status, headers["retry-after"], busy in body and why in body) for status, headers, body in answers]
    status, headers, body = call(server, "/processes/text/execution", {"inputs": {"data": "x"}})
    return [*found, (status, headers["retry-after"], status == 503 and json.loads(body)["status"] == 503)]


def test_a_drained_server_takes_no_new_jobs_until_it_is_told_to():
    with serving() as server:
        folder = server.home
        long, short = beating(server), beating(server)
        waiting = execute(server, seconds=0.1)
        assert "draining: 1 accepted, 2 running" in cloche("drain", cwd=folder).stdout
        assert [(retry, own) for _, retry, own in refusals(server)] == [("60", True)] * 3
        assert [status for status, _, _ in refusals(server)][1:] == [503, 503]
        assert json.loads(call(server, "/healthz")[2])["status"] == "draining"
        assert "draining since" in cloche("jobs", "list", cwd=folder).stderr
        doctor = cloche("doctor", "--config", server.config, cwd=folder)
        assert ("draining since" in doctor.stderr, "pause: " in doctor.stdout) == (True, True)
        assert "time is over" in cloche("drain", "--wait", "--timeout", "0s", cwd=folder, code=1).stderr
        # what was accepted is finished, the queue as well
        cloche("jobs", "dismiss", long, short, cwd=folder)
        assert cloche("drain", "--wait", cwd=folder).stdout.splitlines()[-1] == "drained: no job is left"
        assert [state(server, job) for job in (long, short, waiting)] == ["dismissed", "dismissed", "succeeded"]

        server.end()
        successor = live.start(folder, server.config.read_text())
        try:
            assert [retry for _, retry, _ in refusals(successor)] == ["60"] * 3
            assert cloche("drain", "--off", cwd=folder).stdout == "new jobs are taken again\n"
            assert [status for status, _, _ in refusals(successor)] == [200] * 3
        finally:
            successor.end()


def test_drain_says_what_keeps_it():
    with serving() as server:
        job = beating(server)
        cloche("jobs", "pause", job, cwd=server.home)
        until(lambda: is_paused(server, job))
        done = cloche("drain", "--wait", "--timeout", "0.5s", cwd=server.home, code=1)
        assert "only paused jobs are left" in done.stderr
        server.end(signal.SIGINT)
        assert "no server runs" in cloche("drain", "--wait", cwd=server.home, code=1).stderr
        successor = live.start(server.home, server.config.read_text())
        cloche("jobs", "dismiss", job, cwd=server.home)
        until(lambda: not living(server, job))
        successor.end()


def test_sigterm_waits_for_running_jobs():
    with serving(settings(server="draintimeout = 20")) as server:
        jobs = [execute(server, seconds=1) for _ in range(2)]
        waiting = execute(server, seconds=0.1)
        until(lambda: all(info(server, job)["status"] == "running" for job in jobs))
        server.process.send_signal(signal.SIGTERM)
        until(lambda: [retry for _, retry, _ in refusals(server)] == ["60"] * 3)
        assert server.process.wait(15) == 0
        assert [state(server, job) for job in (*jobs, waiting)] == ["succeeded", "succeeded", "accepted"]
        assert not list(server.datadir.glob("cloche.drain"))


def test_sigterm_leaves_what_takes_too_long_to_the_next_server():
    with serving(settings(server="draintimeout = 0.5")) as server:
        job = beating(server)
        begin = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - begin >= 0.5
        assert not still(server, job)
        successor = live.start(server.home, server.config.read_text())
        try:
            assert info(successor, job)["status"] == "running"
            call(successor, f"/jobs/{job}", method="DELETE")
            until(lambda: not living(successor, job))
        finally:
            successor.end()
