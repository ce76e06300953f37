import json

from hypothesis import given
from hypothesis import strategies as st

from cloche.jobdir.records import ProgressRecord
from cloche.model.codec import decode
from cloche.runner.progress import MAX_LINES, ProgressFile


def follow(path):
    return [decode(ProgressRecord, json.loads(line)) for line in path.read_text().splitlines()]


def test_every_percent_and_messages_now_and_then(tmp_path):
    path, now = tmp_path / "progress.jsonl", [0.0]
    progress = ProgressFile(path, clock=lambda: now[0])
    for step in range(1000):
        progress(step // 10, f"step {step}")
    assert [item.percent for item in follow(path)] == list(range(100))
    now[0] += 1
    progress(99, "late")
    progress(99, "flood")
    now[0] += 1
    progress(99, "late")
    progress(99, "later")
    assert [item.message for item in follow(path)[-2:]] == ["late", "later"]


def test_the_file_stays_small(tmp_path):
    path, now = tmp_path / "progress.jsonl", [0.0]
    progress = ProgressFile(path, clock=lambda: now[0])
    for step in range(MAX_LINES + 100):
        now[0] += 1
        progress(1, f"{step}")
    progress(2, "still")
    assert len(follow(path)) == MAX_LINES + 1
    assert follow(path)[-1] == ProgressRecord(percent=2, message="still")


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path):
    ProgressFile(tmp_path / "none" / "progress.jsonl")(1, "x")


@given(st.lists(st.tuples(st.integers(0, 100), st.text(max_size=20))))
def test_lines_are_records(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("progress") / "progress.jsonl"
    progress = ProgressFile(path)
    for percent, message in steps:
        progress(percent, message)
    assert not steps or len(follow(path)) >= 1
