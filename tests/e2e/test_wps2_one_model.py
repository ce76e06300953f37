"""One job model behind every protocol: a scenario in each tongue, and jobs begun in one and followed in others."""

import time
from itertools import permutations

import pytest

from tongues import TONGUES, Refused

ECHO = "org.n52.javaps.test.EchoProcess"
INPUTS = {"literalInput": "a < b & ü", "complexInput": "<t>inside</t>"}
OUTPUTS = ("literalOutput", "complexOutput")
EXPECTED = {"literalOutput": "a < b & ü", "complexOutput": "inside"}
XML = {"xml": ("complexInput",)}


@pytest.fixture
def speak(server):
    return {name: tongue(server.url) for name, tongue in TONGUES.items()}


def ended(tongue, job):
    until = time.monotonic() + 30
    while (state := tongue.state(job)) == "open":
        assert time.monotonic() < until
        time.sleep(0.05)
    return state


@pytest.mark.parametrize("name", TONGUES)
def test_a_scenario(speak, name):
    tongue = speak[name]
    assert tongue.run(ECHO, INPUTS, OUTPUTS, **XML) == EXPECTED
    assert tongue.run(ECHO, INPUTS, OUTPUTS, reference=("complexOutput",), **XML) == EXPECTED
    job = tongue.begin(ECHO, INPUTS | {"duration": "300"}, OUTPUTS, **XML)
    assert tongue.state(job) in {"open", "succeeded"}
    assert ended(tongue, job) == "succeeded"
    assert tongue.result(job) == EXPECTED
    assert tongue.state("no-such-job") == "gone"
    with pytest.raises(Refused, match="no-such-process"):
        tongue.run("no-such-process", {}, OUTPUTS)
    with pytest.raises(Refused, match="no-such-input"):
        tongue.run(ECHO, {"no-such-input": "1"}, OUTPUTS)
    with pytest.raises(Refused, match="no-such-output"):
        tongue.run(ECHO, {}, ["no-such-output"])


@pytest.mark.parametrize(("one", "other"), list(permutations(TONGUES, 2)))
def test_begun_in_one_followed_in_another(speak, one, other):
    job = speak[one].begin(ECHO, INPUTS | {"duration": "200"}, OUTPUTS, **XML)
    assert ended(speak[other], job) == "succeeded"
    assert speak[other].result(job) == speak[one].result(job) == EXPECTED


@pytest.mark.parametrize(
    ("one", "other"), [("wps1", "wps2"), ("wps1", "ogcapi"), ("wps2", "ogcapi"), ("ogcapi", "wps2")]
)
def test_begun_in_one_stopped_in_another(speak, one, other):
    job = speak[one].begin(ECHO, {"literalInput": "x", "duration": "60000"}, ["literalOutput"])
    speak[other].stop(job)
    until = time.monotonic() + 20
    while speak[one].state(job) == "open":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert speak[other].state(job) == "gone"
    assert speak[one].state(job) in {"gone", "failed"}
