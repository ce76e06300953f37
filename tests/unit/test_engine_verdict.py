"""Every row of the table that ends jobs."""

from datetime import timedelta

import pytest

from cloche.engine.verdict import verdict
from cloche.jobdir.records import ExitRecord
from cloche.model.state import State
from cloche.ports.executor import Phase, Sighting

GRACE = timedelta(seconds=5)
EXITS = {"-": None, "ok": ExitRecord(ok=True, code=0), "bad": ExitRecord(ok=False, code=1)}
SIGHTS = {"-": None} | {phase.value: Sighting(phase=phase) for phase in Phase}

# left  seen     gone for  ->  running      stopping
TABLE = """
-       -        short         -            -
-       -        long          -            -
-       queued   short         starting     starting
-       queued   long          starting     starting
-       running  short         running      running
-       running  long          running      running
-       paused   short         paused       paused
-       paused   long          paused       paused
-       gone     short         -            -
-       gone     long          failed       dismissed
ok      -        short         succeeded    succeeded
ok      -        long          succeeded    succeeded
ok      queued   short         succeeded    succeeded
ok      queued   long          succeeded    succeeded
ok      running  short         succeeded    succeeded
ok      running  long          succeeded    succeeded
ok      paused   short         succeeded    succeeded
ok      paused   long          succeeded    succeeded
ok      gone     short         succeeded    succeeded
ok      gone     long          succeeded    succeeded
bad     -        short         failed       -
bad     -        long          failed       -
bad     queued   short         failed       starting
bad     queued   long          failed       starting
bad     running  short         failed       running
bad     running  long          failed       running
bad     paused   short         failed       paused
bad     paused   long          failed       paused
bad     gone     short         failed       dismissed
bad     gone     long          failed       dismissed
"""
ROWS = [
    (left, seen, gone, stopping, expected)
    for left, seen, gone, *both in (line.split() for line in TABLE.strip().splitlines())
    for stopping, expected in zip((False, True), both, strict=True)
]


def test_the_table_is_whole() -> None:
    assert len({row[:4] for row in ROWS}) == len(EXITS) * len(SIGHTS) * 2 * 2 == 60


@pytest.mark.parametrize(("left", "seen", "gone", "stopping", "expected"), ROWS)
def test_verdict(left: str, seen: str, gone: str, stopping: bool, expected: str) -> None:
    decided = verdict(
        exit=EXITS[left],
        seen=SIGHTS[seen],
        gone_for=GRACE if gone == "long" else GRACE - timedelta(milliseconds=1),
        grace=GRACE,
        stopping=stopping,
    )
    assert decided == (None if expected == "-" else State(expected))
