"""OGC API: the job list, status, results, dismissal, and the extensions: log, events, pause, resume."""

import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from cloche.jobdir.layout import Layout
from cloche.model.errors import NoSuchJob
from cloche.model.job import Failure, FailureKind
from cloche.model.state import State, Wanted
from cloche.ports.store import Move
from cloche.protocols.ogcapi.status import moment
from ogcapi_house import URL, House, assert_valid, fails, hold, problem

REL = "http://www.opengis.net/def/rel/ogc/1.0"


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


def rels(found):
    return {link["rel"]: link["href"] for link in found["links"]}


def ended(house, process="async", inputs=None):
    job = house.start(process, inputs)
    house.await_end(job)
    return job


def waiting(house, process="async"):
    """A job that nobody has claimed: the engine sleeps."""
    wake, house.wake = house.wake, lambda: None
    house.service._waker = house
    job = house.start(process)
    house.wake = wake
    return job


def listed(house, standards, query=""):
    found = assert_valid(standards, house.get(f"/jobs{query}"), "jobList")
    return [job["jobID"] for job in found["jobs"]]


def test_a_job_from_start_to_end(house, standards):
    house.play = hold
    job = house.start()
    found = assert_valid(standards, house.get(f"/jobs/{job}"), "statusInfo")
    assert (found["jobID"], found["processID"], found["type"]) == (job, "async", "process")
    assert found["status"] == "running"
    assert rels(found)["monitor"] == rels(found)["status"] == f"{URL}/jobs/{job}"
    house.store.note(job, progress=40, message="halfway")
    found = assert_valid(standards, house.get(f"/jobs/{job}"), "statusInfo")
    assert (found["progress"], found["message"]) == (40, "halfway")
    problem(standards, house.get(f"/jobs/{job}/results"), 404, "result-not-ready")
    house.end(house.service.job(job), State.SUCCEEDED)
    found = assert_valid(standards, house.get(f"/jobs/{job}"), "statusInfo")
    assert found["status"] == "successful"
    assert found["created"] <= found["finished"]
    assert rels(found)[f"{REL}/results"] == f"{URL}/jobs/{job}/results"
    assert "monitor" not in rels(found)
    assert None not in found.values()


def test_a_waiting_job_is_accepted(house, standards):
    job = waiting(house)
    assert assert_valid(standards, house.get(f"/jobs/{job}"), "statusInfo")["status"] == "accepted"


def test_results_come_as_the_request_asked(house, standards):
    job = ended(house, "one", {"n": 5})
    assert (house.get(f"/jobs/{job}/results").text, house.get(f"/jobs/{job}/results/n").text) == ("5", "5")
    assert house.get(f"/jobs/{job}/results/n", accept="application/json").json() == 5
    job = house.start("one", {"n": 6}, response="document")
    house.await_end(job)
    assert assert_valid(standards, house.get(f"/jobs/{job}/results"), "results") == {"n": 6}
    problem(standards, house.get(f"/jobs/{job}/results/m"), 404)


def test_results_of_a_failed_job(house, standards):
    house.play = fails(FailureKind.INPUT, "n is too large", "n")
    job = ended(house, "one", {"n": 5})
    found = assert_valid(standards, house.get(f"/jobs/{job}"), "statusInfo")
    assert (found["status"], found["message"]) == ("failed", "n is too large")
    assert rels(found)[f"{REL}/exceptions"] == f"{URL}/jobs/{job}/results"
    problem(standards, house.get(f"/jobs/{job}/results"), 400, "InvalidParameterValue", "#/inputs/n")


@pytest.mark.parametrize("path", ["", "/results", "/results/x", "/log", "/events", "/a/b/c"])
def test_unknown_jobs(house, standards, path):
    problem(standards, house.get(f"/jobs/none{path}"), 404, "no-such-job")


def test_unknown_jobs_cannot_be_changed(house, standards):
    problem(standards, house.client.delete("/jobs/none"), 404, "no-such-job")
    for wish in ("pause", "resume"):
        problem(standards, house.client.post(f"/jobs/none/{wish}"), 404, "no-such-job")


def test_an_open_job_is_dismissed_once(house, standards):
    house.play = hold
    job = house.start()
    found = assert_valid(standards, house.client.delete(f"/jobs/{job}"), "statusInfo")
    assert (found["jobID"], found["status"]) == (job, "dismissed")
    problem(standards, house.client.delete(f"/jobs/{job}"), 404, "no-such-job")
    assert house.await_end(job).state is State.DISMISSED
    assert house.get(f"/jobs/{job}").json()["status"] == "dismissed"
    problem(standards, house.get(f"/jobs/{job}/results"), 410)
    problem(standards, house.client.delete(f"/jobs/{job}"), 404, "no-such-job")


def test_a_job_is_dismissed_from_the_moment_that_it_is_wanted(house, standards):
    house.play = hold
    job = house.start()
    house.wake = lambda: None
    house.client.delete(f"/jobs/{job}")
    assert house.service.job(job).state is State.RUNNING
    assert house.get(f"/jobs/{job}").json()["status"] == "dismissed"


def test_an_ended_job_is_removed_with_its_results(house, standards):
    job = ended(house, "all", {"picture": "SUkqAA=="})
    output = next(item.data for item in house.service.job(job).outputs if item.id == "picture")
    assert house.get(f"/outputs/{job}/{output.name}").status_code == 200
    found = assert_valid(standards, house.client.delete(f"/jobs/{job}"), "statusInfo")
    assert {link["rel"] for link in found["links"]} == {"describedby", "up"}, "nothing leads to what is gone"
    assert found["status"] == "dismissed"
    problem(standards, house.get(f"/jobs/{job}"), 404, "no-such-job")
    assert house.get(f"/outputs/{job}/{output.name}").status_code == 404
    with pytest.raises(NoSuchJob):
        house.service.job(job)


def test_a_held_job_is_paused_and_resumed(house, standards):
    house.play = hold
    job = house.start()
    assert_valid(standards, house.client.post(f"/jobs/{job}/pause"), "statusInfo")
    assert house.service.job(job).wanted is Wanted.PAUSE
    house.store.move(house.service.job(job), State.PAUSED)
    found = assert_valid(standards, house.get(f"/jobs/{job}"), "statusInfo")
    assert (found["status"], found["message"]) == ("running", "Paused.")
    assert_valid(standards, house.client.post(f"/jobs/{job}/resume"), "statusInfo")
    assert house.service.job(job).wanted is Wanted.RUN
    house.end(house.service.job(job), State.FAILED, failure=Failure(kind=FailureKind.LOST, text="x"))
    problem(standards, house.client.post(f"/jobs/{job}/pause"), 409)


# --- the list ---


def test_the_list_goes_on_page_by_page_while_jobs_come_and_go(house, standards):
    jobs = [ended(house) for _ in range(5)]
    assert listed(house, standards) == jobs[::-1]
    first = assert_valid(standards, house.get("/jobs?limit=2&status=successful"), "jobList")
    assert [job["jobID"] for job in first["jobs"]] == jobs[:2:-1]
    house.client.delete(f"/jobs/{jobs[3]}")
    ended(house)
    second = house.get(rels(first)["next"].removeprefix(URL)).json()
    assert [job["jobID"] for job in second["jobs"]] == [jobs[2], jobs[1]]
    last = house.get(rels(second)["next"].removeprefix(URL)).json()
    assert [job["jobID"] for job in last["jobs"]] == [jobs[0]]
    assert "next" not in rels(last)
    assert "status=successful" in rels(last)["self"]


def test_filters(house, standards):
    one = ended(house, "one", {"n": 1})
    house.play = fails()
    failed = ended(house)
    house.play = hold
    running = house.start()
    accepted = waiting(house)
    assert listed(house, standards) == [running, failed, one]
    assert listed(house, standards, "?status=accepted") == [accepted]
    assert listed(house, standards, "?status=successful,failed") == [failed, one]
    assert listed(house, standards, "?status=successful&status=running") == [running, one]
    assert listed(house, standards, "?processID=one") == [one]
    assert listed(house, standards, "?processID=async,none") == [running, failed]
    assert listed(house, standards, "?type=process") == [running, failed, one]
    assert listed(house, standards, "?limit=1") == [running]


def test_datetime(house, standards):
    job = house.service.job(ended(house))
    at = moment(job.created)
    before, after = moment(job.created - timedelta(seconds=2)), moment(job.created + timedelta(seconds=2))
    for found in (
        at, at[:19] + "Z", f"{before}/{after}", f"{before}/..", f"{before}/", f"../{after}", f"/{after}", f"{at}/{at}",
        f"{at}/..", f"../{at}", job.created.astimezone().isoformat(), "../..",
    ):  # fmt: skip
        assert listed(house, standards, f"?datetime={found}") == [job.id], found
    for missed in (before, after, f"{after}/..", f"../{before}", "1800-01-01T00:00:00Z", "9999-01-01T00:00:00Z/.."):
        assert listed(house, standards, f"?datetime={missed}") == [], missed


def test_durations(house, standards):
    job = house.start()
    house.await_end(job)
    running = house.store.get(waiting(house))
    (running,) = house.store.claim("w", parallel=9, per_process={}, limit=1)
    house.store.move(running, State.RUNNING, Move(started=datetime.now(UTC) - timedelta(seconds=90)))
    assert listed(house, standards, "?minDuration=60") == [running.id]
    assert listed(house, standards, "?maxDuration=100&minDuration=80") == [running.id]
    assert listed(house, standards, "?minDuration=100") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=99999", "limit=a", "status=done", "status=failed,", "type=provider", "datetime=today",
        "datetime=",
        "datetime=2024-01-01", "datetime=2024-01-01T00:00:00", "datetime=2024-13-01T00:00:00Z/..", "datetime=a/b/c",
        "minDuration=-1", "minDuration=1,2", "maxDuration=x", "cursor=x", "cursor=-5", "limit=%00", "f=x",
        "limit=1&limit=1",
    ],
)  # fmt: skip
def test_wrong_filters_are_refused(house, standards, query):
    problem(standards, house.get(f"/jobs?{query}"), 400, "InvalidParameterValue")


# --- log and events ---


def test_the_log(house):
    job = ended(house)
    layout = Layout(house.dirs.jobdir(job))
    layout.stdout.parent.mkdir(exist_ok=True)
    layout.stdout.write_text("hello <b>\n")
    answer = house.get(f"/jobs/{job}/log")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "hello <b>" in answer.text
    assert "hello &lt;b&gt;" in house.get(f"/jobs/{job}/log", accept="text/html").text


def events(text):
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "event" in lines:
            found.append((lines["event"], lines.get("id"), json.loads(lines["data"])))
    return found


def test_events_tell_every_move_and_end(house):
    house.play = hold
    job = house.start()

    def go_on():
        time.sleep(0.3)
        house.store.note(job, progress=50, message="half")
        time.sleep(1.2)
        house.end(house.service.job(job), State.SUCCEEDED)

    thread = threading.Thread(target=go_on)
    thread.start()
    answer = house.get(f"/jobs/{job}/events")
    thread.join()
    assert answer.headers["content-type"] == "text/event-stream"
    found = events(answer.text)
    moves = [(number, data["state"]) for name, number, data in found if name == "status"]
    assert [state for _, state in moves] == ["accepted", "starting", "running", "finishing", "succeeded"]
    assert [int(number) for number, _ in moves] == sorted({int(number) for number, _ in moves})
    assert 50 in [data["progress"] for name, _, data in found if name == "progress"]
    assert (found[-1][0], found[-1][2]["status"]) == ("end", "successful")
    rest = house.get(f"/jobs/{job}/events", **{"last-event-id": moves[2][0]})
    assert [data["state"] for name, _, data in events(rest.text) if name == "status"] == ["finishing", "succeeded"]
    assert house.get(f"/jobs/{job}/events", **{"last-event-id": moves[-1][0]}).status_code == 204


def test_events_end_when_the_job_is_removed(house):
    house.play = hold
    job = house.start()

    def remove():
        time.sleep(0.3)
        house.end(house.service.job(job), State.FAILED, failure=Failure(kind=FailureKind.LOST, text="x"))
        house.service.purge(job)

    thread = threading.Thread(target=remove)
    thread.start()
    assert house.get(f"/jobs/{job}/events").status_code == 200
    thread.join()


@pytest.mark.parametrize("path", ["", "/results"])
def test_pages_of_jobs(house, path):
    job = ended(house, "all", {"text": "<script>", "picture": "SUkqAA=="})
    page = house.get(f"/jobs/{job}{path}", accept="text/html")
    assert page.status_code == 200
    assert job in page.text
    assert "<script>" not in page.text
    assert job in house.get("/jobs?f=html").text


def test_the_page_of_all_jobs_says_of_each_what_there_is_to_say(house):
    assert "<p>No jobs here.</p>" in house.get("/jobs?f=html").text
    done = ended(house)
    house.play = hold
    held = house.start()
    house.store.note(held, progress=30, message="<halfway>")
    page = house.get("/jobs?f=html").text
    rows = {job: row for row in page.split("<tr>") for job in (done, held) if f"<code>{job}</code>" in row}
    status = house.get(f"/jobs/{done}").json()
    created, started, finished = (
        status.get(name, "")[:19].replace("T", " ") for name in ("created", "started", "finished")
    )
    assert created
    assert finished
    for words in (
        rf'<a href="[^"]*/jobs/{done}\?f=html">',
        f"<td>{status['processID']}</td>",
        r'<td class="successful">successful <span class="soft">process</span></td>',
        "<td>100 %</td>",
        rf'<time title="updated {status["updated"]}">{created}</time></td>',
        rf'<td class="instant">{started}</td>\s*<td class="instant">{finished}</td>',
        r"<summary>Links</summary><a href=",
    ):
        assert re.search(words, rows[done]), (words, rows[done])
    for words in (
        r'<td class="running">running',
        "<td>30 %</td>",
        r"<td class=\"instant\"></td>\s*<td>&lt;halfway&gt;",
    ):
        assert re.search(words, rows[held]), (words, rows[held])
