import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.authoring.annotations import Input
from cloche.authoring.domains import kind_of
from cloche.authoring.errors import WrongData
from cloche.process import AnyURI, Measure


class Method(Enum):
    NEAREST = "nearest"
    CUBIC = "cubic"


ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=3))])
TEXTS = st.text(
    alphabet=st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), max_size=50
)


@pytest.mark.parametrize(
    ("python", "values"),
    [
        (str, TEXTS),
        (int, st.integers()),
        (float, st.floats(allow_nan=False)),
        (bool, st.booleans()),
        (date, st.dates()),
        (time, st.times(timezones=ZONES)),
        (datetime, st.datetimes(timezones=ZONES)),
        (AnyURI, st.just(AnyURI("urn:ogc:def:crs:EPSG::4326"))),
        (Method, st.sampled_from(Method)),
        (Literal["a", "b"], st.sampled_from(["a", "b"])),
    ],
)
def test_values_come_back(python, values):
    kind = kind_of(python, Input())

    @given(values)
    def round_trip(value):
        text, uom = kind.deliver(value, "")
        back = kind.receive(text, "")
        assert (back, uom) == (value, "")
        assert type(back) is type(value) or isinstance(back, type(value))
        assert kind.deliver(back, "")[0] == text

    round_trip()


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["m", "km"]))
def test_measures_keep_their_unit(number, uom):
    kind = kind_of(Measure, Input(unit="m", units=["km"]))
    text, said = kind.deliver(Measure(number, uom), "m")
    back = kind.receive(text, said)
    assert (float(back), back.uom) == (number, uom)


def test_measures_survive_pickling():
    back = pickle.loads(pickle.dumps(Measure(5, "m")))
    assert (back, back.uom, repr(back)) == (5.0, "m", "Measure(5.0, 'm')")


def test_a_measure_without_unit_gets_the_default():
    assert kind_of(Measure, Input(unit="m")).receive("5.0", "").uom == "m"


def test_factors_convert_both_ways():
    kind = kind_of(float, Input(unit="m", units={"km": 1000}))
    assert kind.receive("2.5", "km") == 2500.0
    assert kind.receive("2.5", "m") == 2.5
    assert kind.deliver(2500.0, "km") == ("2.5", "km")
    assert kind.deliver(2500.0, "m") == ("2500.0", "m")


def test_factors_keep_integers_whole():
    kind = kind_of(int, Input(unit="min", units={"s": 1 / 60, "h": 60}))
    assert kind.receive("2", "h") == 120
    assert isinstance(kind.receive("2", "h"), int)
    with pytest.raises(WrongData, match="no whole number of min"):
        kind.receive("90", "s")


@pytest.mark.parametrize(
    ("python", "value"),
    [
        (int, 2.5),
        (int, "2"),
        (int, True),
        (float, "2"),
        (float, None),
        (bool, 1),
        (str, 5),
        (str, "a\0b"),
        (date, datetime(2024, 1, 1, tzinfo=UTC)),
        (datetime, date(2024, 1, 1)),
        (AnyURI, "not a uri"),
        (Method, "nearest"),
        (Literal["a"], "c"),
    ],
)
def test_what_is_something_else_is_not_guessed(python, value):
    with pytest.raises((TypeError, ValueError)):
        kind_of(python, Input()).deliver(value, "")


def test_numbers_of_numpy_count():
    numpy = pytest.importorskip("numpy")
    assert kind_of(int, Input()).deliver(numpy.int16(7), "") == ("7", "")
    assert kind_of(float, Input()).deliver(numpy.float32(0.5), "") == ("0.5", "")
    assert kind_of(bool, Input()).deliver(numpy.bool_(1), "") == ("true", "")
    with pytest.raises(TypeError):
        kind_of(int, Input()).deliver(numpy.float64(0.5), "")


def test_an_int_is_a_float():
    assert kind_of(Annotated[float, "x"].__origin__, Input()).deliver(2, "") == ("2.0", "")
