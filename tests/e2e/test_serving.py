"""A live server as operators know it: restarts, a full queue, limits, code that changes."""

import re
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import live

PROCESSES = '''
import time
from pathlib import Path
from typing import Annotated

from cloche.process import File, Input, Job, Output, process


@process(version="1")
def sleepy(seconds: Annotated[float, Input("How long")]) -> Annotated[str, Output("What was done")]:
    """Sleep."""
    time.sleep(seconds)
    return "rested"


@process(version="1")
def greedy(size: Annotated[int, Input("Bytes to hold")]) -> Annotated[int, Output("How many it were")]:
    """Hold memory."""
    return len(bytearray(size))


@process(version="1")
def count(data: Annotated[File, Input("What to count", formats=["text/plain"])]) -> Annotated[int, Output("Bytes")]:
    """Count bytes."""
    return data.size
'''
EXECUTE = "/wps?service=WPS&version=1.0.0&request=Execute&identifier="


@pytest.fixture
def home():
    with live.home() as folder:
        (folder / "mine.py").write_text(PROCESSES)
        yield folder


def settings(text: str = "") -> str:
    return f'[processing]\npackages = ["./mine.py"]\n{text}'


def submitted(server: live.Live, request: str) -> str:
    """The path of the status document of an execution in the background."""
    status, answer = server.get(f"{EXECUTE}{request}&storeExecuteResponse=true&status=true")
    assert status == 200, answer
    return re.search(r'statusLocation="[^"]*?(/wps/jobs/[^"]+)"', answer.decode())[1]


def ended(server: live.Live, path: str, patience: float = 30.0) -> str:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        _, document = server.get(path)
        if b"ProcessSucceeded" in document or b"ProcessFailed" in document:
            return document.decode()
        time.sleep(0.05)
    raise AssertionError(document)


def test_running_jobs_survive_the_death_of_their_server(home, serve):
    first = serve(settings("[server]\nparallelprocesses = 1\n"), folder=home)
    running, waiting = submitted(first, "sleepy&DataInputs=seconds=2"), submitted(first, "sleepy&DataInputs=seconds=0")
    while b"ProcessStarted" not in first.get(running)[1]:
        time.sleep(0.02)
    first.end(signal.SIGKILL)

    second = serve(settings("[server]\nparallelprocesses = 1\n"), folder=home)
    assert "rested" in ended(second, running)
    assert "rested" in ended(second, waiting)


def test_a_server_that_ends_in_order_leaves_its_jobs_running(home, serve):
    first = serve(settings(), folder=home)
    running = submitted(first, "sleepy&DataInputs=seconds=3")
    while b"ProcessStarted" not in first.get(running)[1]:
        time.sleep(0.02)
    assert first.end(signal.SIGTERM) == 0
    assert "rested" in ended(serve(settings(), folder=home), running)


def test_a_full_server_says_so(home, serve):
    server = serve(settings("[server]\nparallelprocesses = 1\nmaxprocesses = 1\n"), folder=home)
    for _ in range(2):
        submitted(server, "sleepy&DataInputs=seconds=3")
    refused = server.url + EXECUTE + "sleepy&DataInputs=seconds=0"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{refused}&storeExecuteResponse=true&status=true")
    with caught.value as answer:
        body = answer.read().decode()
        assert (answer.code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    assert 'exceptionCode="ServerBusy"' in body
    assert "Maximum number of parallel running processes reached. Please try later." in body
    assert server.get(EXECUTE + "sleepy&DataInputs=seconds=0")[0] == 503


def test_never_more_run_than_the_limit_and_all_get_their_turn(home, serve):
    server = serve(settings("[server]\nparallelprocesses = 2\n"), folder=home)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: submitted(server, "sleepy&DataInputs=seconds=0.3"), range(8)))
        assert all("rested" in document for document in pool.map(lambda path: ended(server, path), paths))


def test_limits_of_the_server_and_of_one_process(home, serve):
    limits = """
    [limits]
    memory = "1GiB"
    [processes]
    greedy.limits.memory = "200MiB"
    sleepy.limits.time = "0.5s"
    """
    server = serve(settings(limits), folder=home)
    assert b">1000<" in server.get(EXECUTE + "greedy&DataInputs=size=1000")[1]
    breach = ended(server, submitted(server, f"greedy&DataInputs=size={600 << 20}"))
    assert "memory limit of 200 MiB exceeded" in breach
    assert "time limit" in ended(server, submitted(server, "sleepy&DataInputs=seconds=20"))


def test_the_largest_input_is_the_operator_s_to_say(home, serve):
    server = serve(settings("[server]\nmaxsingleinputsize = '1KiB'\n"), folder=home)
    assert b">4<" in server.get(EXECUTE + "count&DataInputs=data=four")[1]
    status, answer = server.get(EXECUTE + "count&DataInputs=data=" + 2000 * "x")
    assert (status, b"FileSizeExceeded" in answer) == (413, True)


def test_files_are_read_from_allowed_directories_only(home, serve):
    (home / "shared").mkdir()
    for folder in (home, home / "shared"):
        (folder / "data.txt").write_text("12345")
    server = serve(settings('[server]\nallowedinputpaths = ["shared"]\n'), folder=home)

    def count(path: Path) -> bytes:
        return server.get(f"{EXECUTE}count&DataInputs=data=@xlink:href={path.as_uri()}")[1]

    assert b">5<" in count(home / "shared" / "data.txt")
    assert b"ExceptionReport" in count(home / "data.txt")
    assert b"ExceptionReport" in count(home / "shared" / ".." / "data.txt")


def test_changed_code_is_served_within_seconds(home, serve):
    server = serve(settings("reload = '100ms'\n"), folder=home)
    assert b"rested" in server.get(EXECUTE + "sleepy&DataInputs=seconds=0")[1]
    (home / "mine.py").write_text(PROCESSES.replace('"rested"', '"awake"').replace("def greedy", "def hungry"))
    until = time.monotonic() + 15
    while b"awake" not in server.get(EXECUTE + "sleepy&DataInputs=seconds=0")[1]:
        assert time.monotonic() < until
        time.sleep(0.1)
    capabilities = server.get("/wps?service=WPS&request=GetCapabilities")[1]
    assert b"hungry" in capabilities
    assert b"greedy" not in capabilities


def test_results_and_jobs_expire(home, serve):
    text = settings("[server]\nkeepresults = '1s'\n")
    first = serve(text, folder=home)
    path = submitted(first, "sleepy&DataInputs=seconds=0")
    ended(first, path)
    first.end()
    time.sleep(1)
    second = serve(text, folder=home)  # looks for expired jobs at its start, then every half minute
    until = time.monotonic() + 10
    while second.get(path)[0] == 200:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert list((second.datadir / "jobs").iterdir()) == []


def test_a_path_that_leads_nowhere_is_answered_in_form(home, serve):
    server = serve(settings(), folder=home)
    for method, accept, kind, said in (
        ("GET", "*/*", "application/problem+json", '"detail":"There is nothing at /wsp.'),
        ("POST", "*/*", "application/problem+json", '"detail":"There is nothing at /wsp.'),
        ("GET", "text/html", "text/html; charset=utf-8", "There is nothing at /wsp."),
    ):
        request = urllib.request.Request(server.url + "/wsp", method=method, headers={"Accept": accept})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.value as answer:
            assert (answer.code, answer.headers["Content-Type"]) == (404, kind)
            assert said in answer.read().decode()
