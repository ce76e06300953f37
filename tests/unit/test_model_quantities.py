from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.model.quantities import bytes_of, seconds_of, show_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GiB", 2**30),
        ("1mb", 2**20),
        ("500 kB", 500 * 1024),
        ("3 MB", 3 * 2**20),
        ("64k", 65536),
        ("1.5 GiB", 3 * 2**29),
        ("12", 12),
        ("12 B", 12),
        ("12 bytes", 12),
        ("1 byte", 1),
        ("2Ti", 2**41),
        (0, 0),
        (4096, 4096),
    ],
)
def test_sizes_are_powers_of_1024(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    "text", ["", "GiB", "1 XB", "-1", "1 2", "1.2.3", "0.5", "1e3", "2i", -1, True, float("nan"), 1.5]
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"size|bytes"):
        bytes_of(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10min", 600),
        ("1h 30min", 5400),
        ("1h30m", 5400),
        ("500 ms", 0.5),
        ("2 days", 172800),
        ("1.5h", 5400),
        ("90", 90),
        (" 7s ", 7),
        (2.5, 2.5),
        (0, 0),
    ],
)
def test_times(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "min", "10 fortnights", "-1s", "1,5h", "1h and 2s", "..", -1, False, "9" * 50])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="time"):
        seconds_of(text)


@given(st.text(max_size=30))
def test_parsers_answer_or_refuse(text):
    for parse in (bytes_of, seconds_of):
        with suppress(ValueError):
            assert parse(text) >= 0


@pytest.mark.parametrize(
    ("size", "text"),
    [(1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (10 * 2**20, "10 MiB")],
)
def test_sizes_are_shown_to_people(size, text):
    assert show_bytes(size) == text
