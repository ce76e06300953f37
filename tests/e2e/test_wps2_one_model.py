"""One job model behind every protocol: a scenario in each tongue, and jobs begun in one and followed in others."""

import time
from itertools import permutations

import pytest

from scenario import ECHO, EXPECTED, INPUTS, OUTPUTS, XML, ended, play
from tongues import TONGUES


@pytest.fixture
def speak(server):
    return {name: tongue(server.url) for name, tongue in TONGUES.items()}


@pytest.mark.parametrize("name", TONGUES)
def test_a_scenario(speak, name):
    play(speak[name])


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
