"""GetStatus, GetResult, Dismiss, Pause and Resume."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as over
from hypothesis import strategies as st
from lxml import etree

from cloche.model.data import LiteralData, Output
from cloche.model.execute import Mode
from cloche.model.job import FailureKind
from cloche.model.process import JobControl
from cloche.model.state import State, Wanted
from cloche.protocols.wps2.status import estimated_completion, is_dismissed, status_info
from jobs import a_job
from wps2_house import NS, House2, data, execute, output, request
from wps_house import BARE, assert_valid, fails, hold

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLL = (1.0, 60.0)


@pytest.fixture
def house(tmp_path):
    house = House2(tmp_path, grace=0)
    house.path = "/quick"
    return house


def begin(house, **options):
    answer = house.post(execute(data("text", "t"), output("text"), **{"mode": "async"} | options))
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content).findtext("wps:JobID", namespaces=NS)


def refusal(answer):
    exception = etree.fromstring(answer.content).find("{http://www.opengis.net/ows/2.0}Exception")
    assert exception is not None, answer.text
    return answer.status_code, exception.get("exceptionCode"), exception.get("locator")


def told(answer, standards=None):
    assert answer.status_code == 200, answer.text
    if standards:
        assert_valid(standards, answer.content)
    return {etree.QName(item).localname: item.text for item in etree.fromstring(answer.content)}


def test_the_way_of_a_job(house, standards):
    house.play = hold
    key = begin(house)
    (job,) = house.jobs
    assert (job.id, job.request.mode) == (key, Mode.ASYNC)
    first = told(house.ask("GetStatus", key), standards)
    assert (first["JobID"], first["Status"]) == (key, "Accepted")
    assert "NextPoll" in first
    assert "PercentCompleted" not in first
    started = datetime.now(UTC) - timedelta(seconds=10)
    house.move(job, State.RUNNING, started=started, progress=50)
    running = told(house.ask("GetStatus", key), standards)
    assert (running["Status"], running["PercentCompleted"]) == ("Running", "50")
    end = datetime.fromisoformat(running["EstimatedCompletion"])
    assert abs((end - started).total_seconds() - 20) < 2
    assert refusal(house.ask("GetResult", key)) == (400, "ResultNotReady", key)
    expires = datetime.now(UTC) + timedelta(days=1)
    done = {"outputs": (Output(id="text", data=LiteralData(value="t")),), "finished": datetime.now(UTC)}
    house.move(job, State.SUCCEEDED, expires=expires, **done)
    last = told(house.ask("GetStatus", key), standards)
    assert (last["Status"], last["PercentCompleted"]) == ("Succeeded", "100")
    assert abs(datetime.fromisoformat(last["ExpirationDate"]) - expires) < timedelta(seconds=1)
    assert not {"NextPoll", "EstimatedCompletion"} & last.keys()
    result = house.ask("GetResult", key)
    assert told(result, standards)["ExpirationDate"] == last["ExpirationDate"]
    value = etree.fromstring(result.content).find(".//wps:LiteralValue", NS)
    assert (value.text, value.get("dataType")) == ("t", "http://www.w3.org/2001/XMLSchema#string")


def test_requests_in_xml_say_the_same(house, standards):
    key = begin(house)
    house.service.wait(key, timeout=5)
    for operation, root in (("GetStatus", "StatusInfo"), ("GetResult", "Result"), ("Dismiss", "StatusInfo")):
        answer = house.post(request(operation, key))
        assert_valid(standards, answer.content)
        assert etree.QName(etree.fromstring(answer.content)).localname == root


def test_raw_results_come_later_too(house):
    key = begin(house, response="raw")
    house.service.wait(key, timeout=5)
    assert etree.fromstring(house.ask("GetResult", key).content).text == "t"


def test_a_short_execution_is_waited_for(tmp_path):
    house = House2(tmp_path)  # the endpoints that are served, with the grace that they have

    def short(house, job):
        time.sleep(0.3)
        house.move(job, State.SUCCEEDED, outputs=(Output(id="text", data=LiteralData(value="t")),))

    house.play = short
    assert house.ask("GetResult", begin(house)).status_code == 200
    assert told(house.ask("GetStatus", begin(house)))["Status"] == "Succeeded"


def test_grace_ends(tmp_path):
    house = House2(tmp_path, grace=0.2)
    house.path, house.play = "/quick", hold
    key = begin(house)
    before = time.monotonic()
    assert refusal(house.ask("GetResult", key))[1] == "ResultNotReady"
    assert time.monotonic() - before < 2
    assert house.store.get(key).wanted is Wanted.RUN


def test_nobody_waits_for_what_is_synchronous(tmp_path):
    house = House2(tmp_path, grace=30)
    house.path, house.play = "/quick", hold
    body = execute(data("text", "t"), output("text"))
    client = threading.Thread(target=house.post, args=(body,), daemon=True)
    client.start()
    until = time.monotonic() + 5
    while not house.jobs and time.monotonic() < until:
        time.sleep(0.01)
    (job,) = house.jobs
    assert told(house.ask("GetStatus", job.id))["Status"] == "Accepted"
    house.move(job, State.SUCCEEDED, outputs=(Output(id="text", data=LiteralData(value="t")),))
    client.join(5)


def test_failures(house, standards):
    house.play = fails(FailureKind.INPUT, "too short", "text")
    key = begin(house)
    house.service.wait(key, timeout=5)
    assert told(house.ask("GetStatus", key), standards)["Status"] == "Failed"
    answer = house.ask("GetResult", key)
    assert refusal(answer) == (400, "WrongInputData", "text")
    assert_valid(standards, answer.content)


@pytest.mark.parametrize("operation", ["GetStatus", "GetResult", "Dismiss", "Pause", "Resume"])
def test_jobs_that_are_not_there(house, standards, operation):
    answer = house.ask(operation, "nothing")
    assert refusal(answer) == (400, "NoSuchJob", "nothing")
    assert_valid(standards, answer.content)
    assert refusal(house.post(request(operation, "nothing"))) == (400, "NoSuchJob", "nothing")
    assert refusal(house.ask(operation, "")) == (400, "MissingParameterValue", "JobID")
    assert refusal(house.post(request(operation, ""))) == (400, "MissingParameterValue", "JobID")
    wrong = house.get(f"service=WPS&version=1.0.0&request={operation}&JobID=x")
    assert refusal(wrong) == (400, "InvalidParameterValue", "version")
    assert refusal(house.get(f"service=WPS&request={operation}&JobID=x")) == (400, "MissingParameterValue", "version")


# dismiss


def test_an_open_job_is_stopped(house, standards):
    house.play = hold
    key = begin(house)
    answer = told(house.ask("Dismiss", key), standards)
    assert (answer["JobID"], answer["Status"]) == (key, "Dismissed")
    assert house.store.get(key).wanted is Wanted.STOP
    for operation in ("GetStatus", "GetResult", "Dismiss"):
        assert refusal(house.ask(operation, key)) == (400, "NoSuchJob", key)


def test_an_ended_job_is_forgotten(house, standards):
    key = begin(house)
    house.service.wait(key, timeout=5)
    assert told(house.ask("Dismiss", key), standards)["Status"] == "Dismissed"
    assert house.jobs == []
    assert refusal(house.ask("Dismiss", key)) == (400, "NoSuchJob", key)


def test_a_process_may_forbid_it(tmp_path):
    bare = replace(BARE, job_control=(JobControl.SYNC, JobControl.ASYNC))
    house = House2(tmp_path, descriptions=(bare,))
    house.play = hold
    answer = house.post(execute(output("out"), process="bare", mode="async"))
    key = etree.fromstring(answer.content).findtext("wps:JobID", namespaces=NS)
    assert refusal(house.ask("Dismiss", key)) == (409, "NotPossible", key)
    assert house.store.get(key).wanted is Wanted.RUN


# pause and resume


def test_pause_and_resume(tmp_path, standards):
    house = House2(tmp_path, pausing=True, grace=0)
    house.path, house.play = "/quick", hold
    key = begin(house)
    house.move(house.jobs[0], State.RUNNING, started=datetime.now(UTC), progress=20)
    paused = told(house.ask("Pause", key), standards)
    assert (paused["Status"], paused["PercentCompleted"]) == ("Paused", "20")
    assert "EstimatedCompletion" not in paused
    own = f'<c:Resume xmlns:c="urn:cloche:wps" service="WPS" version="2.0.0"><c:JobID>{key}</c:JobID></c:Resume>'
    assert told(house.post(own), standards)["Status"] == "Running"


def test_pause_where_the_mode_cannot(house):
    house.play = hold
    key = begin(house)
    house.move(house.jobs[0], State.RUNNING)
    assert refusal(house.ask("Pause", key)) == (409, "NotPossible", key)
    assert refusal(house.post(request("Resume", key))) == (409, "NotPossible", key)
    assert house.store.get(key).wanted is Wanted.RUN


# the document


def test_nothing_is_said_of_the_end_where_nothing_is_known():
    job = a_job(state=State.RUNNING, created=NOW, started=NOW)
    assert estimated_completion(job, NOW + timedelta(hours=1)) is None
    assert "EstimatedCompletion" not in status_info(job, now=NOW, poll_seconds=POLL)


@over(
    state=st.sampled_from(State),
    wanted=st.sampled_from(Wanted),
    progress=st.integers(-5, 200),
    age=st.floats(0, 1e7),
    ran=st.none() | st.floats(0, 1e7),
)
def test_any_job_has_a_status(state, wanted, progress, age, ran):
    now = NOW + timedelta(seconds=age)
    started = None if ran is None else now - timedelta(seconds=min(age, ran))
    job = a_job(state=state, wanted=wanted, progress=progress, created=NOW, started=started)
    root = etree.fromstring(status_info(job, now=now, poll_seconds=POLL))
    names = [etree.QName(item).localname for item in root]
    order = ["JobID", "Status", "ExpirationDate", "EstimatedCompletion", "NextPoll", "PercentCompleted"]
    assert names == [name for name in order if name in names]
    assert {"JobID", "Status"} <= set(names)
    found = {name: item.text for name, item in zip(names, root, strict=True)}
    assert 0 <= int(found.get("PercentCompleted", 0)) <= 100
    if "NextPoll" in found:
        wait = (datetime.fromisoformat(found["NextPoll"]) - now).total_seconds()
        assert 0.9 <= wait <= 60.1
    assert ("NextPoll" in found) == (state not in {State.SUCCEEDED, State.FAILED} and not is_dismissed(job))
