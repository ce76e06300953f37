from typing import Any

import pytest

from cloche.engine.outcome import MAX_TEXT, failure_of, lost
from cloche.jobdir.records import ExitRecord, ResultFailure, ResultRecord
from cloche.model.job import Failure, FailureKind
from cloche.ports.executor import Phase, Sighting

STOPPED = "The execution was stopped from outside, by the host or an operator."


def said(kind: FailureKind, text: str = "because", locator: str = "") -> ResultRecord:
    return ResultRecord(failure=ResultFailure(kind=kind, text=text, locator=locator))


@pytest.mark.parametrize(
    ("exit", "result", "kind", "text"),
    [
        ({"breach": "memory limit of 1 GiB", "signal": 9, "oom": True}, None, "limit", "memory limit of 1 GiB"),
        ({"oom": True, "signal": 9}, None, "limit", "memory limit exceeded"),
        ({"timeout": True, "signal": 9}, None, "limit", "run time limit exceeded"),
        ({"breach": "a limit", "code": 1}, said(FailureKind.PROCESS), "limit", "a limit"),
        ({"code": 1}, said(FailureKind.PROCESS), "process", "because"),
        ({"code": 1}, said(FailureKind.INPUT), "input", "because"),
        ({"code": 1}, said(FailureKind.LOST), "crash", "because"),
        ({"code": 1}, said(FailureKind.INTERNAL), "crash", "because"),
        ({"code": 1}, said(FailureKind.REFERENCE), "crash", "because"),
        ({"signal": 11}, said(FailureKind.PROCESS), "crash", "The process was killed by signal SIGSEGV."),
        ({"signal": 9, "stopped": True}, None, "lost", STOPPED),
        ({"code": 143, "stopped": True}, said(FailureKind.PROCESS), "lost", STOPPED),
        ({"stopped": True, "breach": "a limit"}, None, "limit", "a limit"),
        ({"signal": 63}, None, "crash", "The process was killed by signal 63."),
        ({"code": 3}, None, "crash", "The process ended with exit code 3."),
        ({"code": 0}, None, "crash", "The process ended without a result."),
    ],
)  # fmt: skip
def test_failure(exit: dict[str, Any], result: ResultRecord | None, kind: str, text: str) -> None:
    assert failure_of(ExitRecord(ok=False, **exit), result) == Failure(kind=FailureKind(kind), text=text)


def test_the_input_at_fault_is_named() -> None:
    failure = failure_of(ExitRecord(ok=False, code=1), said(FailureKind.INPUT, locator="distance"))
    assert failure.locator == "distance"


def test_what_user_code_says_is_cut() -> None:
    failure = failure_of(ExitRecord(ok=False, code=1), said(FailureKind.PROCESS, "x" * 100_000, "y" * 100_000))
    assert (len(failure.text), len(failure.locator)) == (MAX_TEXT, MAX_TEXT)


def test_a_lost_job_keeps_the_words_of_the_back_end() -> None:
    assert "node n1 is down" in lost(Sighting(phase=Phase.GONE, detail="node n1 is down")).text
    assert lost(None).kind is FailureKind.LOST
