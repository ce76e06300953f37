"""What a client does with the echo process, the same in every tongue and in every mode."""

import time

import pytest

from tongues import Refused

ECHO = "org.n52.javaps.test.EchoProcess"
INPUTS = {"literalInput": "a < b & ü", "complexInput": "<t>inside</t>"}
OUTPUTS = ("literalOutput", "complexOutput")
EXPECTED = {"literalOutput": "a < b & ü", "complexOutput": "inside"}
XML = {"xml": ("complexInput",)}


def ended(tongue, job):
    until = time.monotonic() + 30
    while (state := tongue.state(job)) == "open":
        assert time.monotonic() < until
        time.sleep(0.05)
    return state


def play(tongue):
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
