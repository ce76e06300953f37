import pytest

from cloche.authoring.text import clean
from cloche.process import Cancelled, Job


def test_progress_never_goes_back(tmp_path):
    told = []
    job = Job(tmp_path, report=lambda percent, message: told.append((percent, message)))
    for percent in (5, 3, 50.7, -1, 1000, float("inf")):
        job.progress(percent, f"at\n{percent}")
    assert [percent for percent, _ in told] == [5, 5, 50, 50, 100, 100]
    assert told[0][1] == "at 5"
    assert job.percent == 100


def test_progress_leaves_a_stopped_job(tmp_path):
    job = Job(tmp_path)
    job.cancel()
    with pytest.raises(Cancelled):
        job.progress(1)


def test_whoever_asks_decides(tmp_path):
    job = Job(tmp_path)
    assert not job.cancelled
    job.cancel()
    job.progress(1)
    assert job.cancelled


def test_texts_are_short_and_printable():
    assert clean("a\x00b\n\tc") == "a b c"
    assert clean("x" * 50, 10) == "x" * 9 + "…"
    assert clean("") == ""
