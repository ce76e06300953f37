"""Literal data: canonical forms, datatypes, allowed values, ranges and units."""

import math
from datetime import date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.model.data import LiteralData
from cloche.model.domains import Closure, Datatype, LiteralDomain, Range
from cloche.model.errors import WrongInputData
from cloche.values import lexical, literal, ranges

ORDERED = [Datatype.INTEGER, Datatype.FLOAT, Datatype.DATE, Datatype.TIME, Datatype.DATETIME]


@pytest.mark.parametrize(
    ("datatype", "text", "canonical"),
    [
        (Datatype.STRING, " kept as it is \n", " kept as it is \n"),
        (Datatype.STRING, "", ""),
        (Datatype.STRING, "\u0661 😀", "\u0661 😀"),
        (Datatype.INTEGER, " 5 ", "5"),
        (Datatype.INTEGER, "\t+0042\n", "42"),
        (Datatype.INTEGER, "-0", "0"),
        (Datatype.INTEGER, "9" * 4000, "9" * 4000),
        (Datatype.FLOAT, "5", "5.0"),
        (Datatype.FLOAT, " .5 ", "0.5"),
        (Datatype.FLOAT, "5.", "5.0"),
        (Datatype.FLOAT, "-1E3", "-1000.0"),
        (Datatype.FLOAT, "1e-400", "0.0"),
        (Datatype.FLOAT, "INF", "INF"),
        (Datatype.FLOAT, "+INF", "INF"),
        (Datatype.FLOAT, "-INF", "-INF"),
        (Datatype.FLOAT, "NaN", "NaN"),
        (Datatype.FLOAT, "1.7976931348623157e308", "1.7976931348623157e+308"),
        (Datatype.BOOLEAN, "1", "true"),
        (Datatype.BOOLEAN, " false ", "false"),
        (Datatype.BOOLEAN, "True", "true"),
        (Datatype.DATE, "2024-02-29", "2024-02-29"),
        (Datatype.DATE, "2024-02-29+00:00", "2024-02-29Z"),
        (Datatype.DATE, "2024-02-29-05:30", "2024-02-29-05:30"),
        (Datatype.TIME, "13:20:00.500", "13:20:00.5"),
        (Datatype.TIME, "13:20:00.000", "13:20:00"),
        (Datatype.TIME, "13:20:00-00:00", "13:20:00Z"),
        (Datatype.TIME, "24:00:00", "00:00:00"),
        (Datatype.DATETIME, "2024-12-31T24:00:00Z", "2025-01-01T00:00:00Z"),
        (Datatype.DATETIME, "2024-05-31T13:20:00.1234567+02:00", "2024-05-31T13:20:00.123456+02:00"),
        (Datatype.DATETIME, "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        (Datatype.ANY_URI, " http://example.org/a?b=c#d ", "http://example.org/a?b=c#d"),
        (Datatype.ANY_URI, "urn:x", "urn:x"),
    ],
)
def test_a_value_has_one_canonical_form(datatype, text, canonical):
    assert lexical.canonical(text, datatype) == canonical


@pytest.mark.parametrize(
    ("datatype", "text"),
    [
        (Datatype.STRING, "nul \x00"),
        (Datatype.STRING, "half a pair \ud800"),
        (Datatype.STRING, "\ufffe"),
        (Datatype.INTEGER, ""),
        (Datatype.INTEGER, "\u0661"),
        (Datatype.INTEGER, "1_000"),
        (Datatype.INTEGER, "5.0"),
        (Datatype.INTEGER, "1e3"),
        (Datatype.INTEGER, "0x10"),
        (Datatype.INTEGER, "- 5"),
        (Datatype.INTEGER, "\u00a05"),
        (Datatype.INTEGER, "9" * 5000),
        (Datatype.FLOAT, "1e400"),
        (Datatype.FLOAT, "-1e400"),
        (Datatype.FLOAT, "nan"),
        (Datatype.FLOAT, "inf"),
        (Datatype.FLOAT, "Infinity"),
        (Datatype.FLOAT, "1,5"),
        (Datatype.FLOAT, "1_0.0"),
        (Datatype.FLOAT, "."),
        (Datatype.FLOAT, "1e"),
        (Datatype.FLOAT, "\u0663.\u0665"),
        (Datatype.BOOLEAN, "yes"),
        (Datatype.BOOLEAN, "2"),
        (Datatype.DATE, "2023-02-29"),
        (Datatype.DATE, "2024-1-1"),
        (Datatype.DATE, "20240101"),
        (Datatype.DATE, "0000-01-01"),
        (Datatype.DATE, "2024-01-01+14:01"),
        (Datatype.DATE, "2024-01-01+13:60"),
        (Datatype.TIME, "13:20"),
        (Datatype.TIME, "23:59:60"),
        (Datatype.TIME, "24:00:01"),
        (Datatype.TIME, "13:20:00z"),
        (Datatype.DATETIME, "2024-05-31 13:20:00"),
        (Datatype.DATETIME, "2024-05-31"),
        (Datatype.DATETIME, "9999-12-31T24:00:00"),
        (Datatype.DATETIME, "2024-05-31T13:20:00+1400"),
        (Datatype.ANY_URI, ""),
        (Datatype.ANY_URI, "http://a b"),
        (Datatype.ANY_URI, "http://[::1"),
    ],
)
def test_malformed_values_are_refused_with_the_reason(datatype, text):
    with pytest.raises(WrongInputData) as caught:
        literal.parse(text, LiteralDomain(datatype=datatype), "distance")
    assert caught.value.locator == "distance"
    assert "distance" in caught.value.text
    assert len(caught.value.text) < 300
    assert caught.value.text.isprintable()


@given(st.sampled_from(list(Datatype)), st.text(max_size=40))
def test_any_text_is_read_or_refused(datatype, text):
    try:
        once = lexical.canonical(text, datatype)
    except ValueError:
        return
    assert lexical.canonical(once, datatype) == once


@given(st.sampled_from(list(Datatype)), st.data())
def test_python_values_survive_the_way_out_and_in(datatype, data):
    zones = st.none() | st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
    value = data.draw(
        {
            Datatype.STRING: st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"])),
            Datatype.INTEGER: st.integers(),
            Datatype.FLOAT: st.floats(allow_nan=False),
            Datatype.BOOLEAN: st.booleans(),
            Datatype.DATE: st.dates(),
            Datatype.TIME: st.times(timezones=zones),
            Datatype.DATETIME: st.datetimes(timezones=zones),
            Datatype.ANY_URI: st.just("http://example.org/"),
        }[datatype]
    )
    assert lexical.value(lexical.write(value, datatype), datatype) == value


def test_python_values_have_their_own_types():
    assert lexical.value("2024-01-02", Datatype.DATE) == date(2024, 1, 2)
    assert lexical.value("2024-01-02Z", Datatype.DATE) == date(2024, 1, 2)
    assert lexical.value("01:02:03", Datatype.TIME) == time(1, 2, 3)
    assert lexical.value("2024-01-02T01:02:03", Datatype.DATETIME) == datetime.fromisoformat("2024-01-02T01:02:03")
    assert isinstance(lexical.value("NaN", Datatype.FLOAT), float)
    assert lexical.write(3, Datatype.FLOAT) == "3.0"


def test_a_day_after_a_zoned_date_has_no_made_up_zone():
    zoned = lexical.value("2024-01-02+05:00", Datatype.DATE)
    assert lexical.write(zoned + timedelta(days=1), Datatype.DATE) == "2024-01-03"


def check(text, datatype, *spans, values=()):
    domain = LiteralDomain(datatype=datatype, values=values, ranges=spans)
    return ranges.allowed(lexical.value(text, datatype), domain)


def test_allowed_values_compare_by_value():
    assert check("05", Datatype.INTEGER, values=("5", "7"))
    assert check("5", Datatype.FLOAT, values=("5.00",))
    assert check("1", Datatype.BOOLEAN, values=("true",))
    assert check("NaN", Datatype.FLOAT, values=("NaN",))
    assert check("2024-01-01T01:00:00+01:00", Datatype.DATETIME, values=("2024-01-01T00:00:00Z",))
    assert not check("Red", Datatype.STRING, values=("red",))
    assert not check("6", Datatype.INTEGER, values=("5", "7"))


@pytest.mark.parametrize(
    ("closure", "ends"),
    [
        (Closure.CLOSED, (True, True)),
        (Closure.OPEN, (False, False)),
        (Closure.OPEN_CLOSED, (False, True)),
        (Closure.CLOSED_OPEN, (True, False)),
    ],
)
def test_closure_decides_the_ends(closure, ends):
    span = Range(minimum="9", maximum="10", closure=closure)
    assert (check("9", Datatype.INTEGER, span), check("10", Datatype.INTEGER, span)) == ends
    assert check("9.5", Datatype.FLOAT, span)
    assert not check("100", Datatype.INTEGER, span)  # between them as text


def test_nan_lies_in_no_range_and_infinity_only_in_an_unbounded_one():
    assert not check("NaN", Datatype.FLOAT, Range())
    assert not check("NaN", Datatype.FLOAT, Range(minimum="0"))
    assert check("INF", Datatype.FLOAT, Range(minimum="0"))
    assert not check("INF", Datatype.FLOAT, Range(minimum="0", maximum="5"))
    assert not check("INF", Datatype.FLOAT, Range(minimum="0", spacing="1"))


def test_values_or_ranges_either_is_enough():
    span = Range(minimum="10", maximum="20")
    assert check("-1", Datatype.INTEGER, span, values=("-1",))
    assert check("15", Datatype.INTEGER, span, values=("-1",))
    assert not check("5", Datatype.INTEGER, span, values=("-1",))


@pytest.mark.parametrize(
    ("datatype", "span", "right", "wrong"),
    [
        (Datatype.FLOAT, Range(minimum="0", maximum="1", spacing="0.1"), "0.3", "0.35"),
        (Datatype.FLOAT, Range(minimum="0.05", spacing="0.1"), "3.15", "1e-300"),
        (Datatype.INTEGER, Range(minimum="1", spacing="2"), "7", "8"),
        (Datatype.INTEGER, Range(spacing="5"), "-10", "-9"),
        (Datatype.DATE, Range(minimum="2024-01-01", spacing="P7D"), "2024-01-15", "2024-01-16"),
        (Datatype.DATE, Range(minimum="2020-01-15", spacing="P3M"), "2024-04-15", "2024-05-15"),
        (Datatype.DATETIME, Range(minimum="2024-01-01T00:00:00Z", spacing="PT15M"), "2024-05-05T07:45:00+01:00",
         "2024-05-05T07:46:00Z"),
        (Datatype.DATETIME, Range(minimum="2024-01-01T00:00:00Z", spacing="P1Y"), "2030-01-01T00:00:00Z",
         "2030-01-01T01:00:00Z"),
        (Datatype.TIME, Range(minimum="00:00:00", spacing="PT1H"), "13:00:00", "13:30:00"),
    ],
)  # fmt: skip
def test_spacing_is_a_grid_from_the_minimum(datatype, span, right, wrong):
    assert check(right, datatype, span)
    assert not check(wrong, datatype, span)


def test_moments_compare_across_zones():
    span = Range(minimum="2024-01-01T00:00:00Z", maximum="2024-01-02T00:00:00Z")
    assert check("2024-01-01T23:00:00-01:00", Datatype.DATETIME, span)
    assert not check("2024-01-01T23:00:00-02:00", Datatype.DATETIME, span)
    assert check("2024-01-01T12:00:00", Datatype.DATETIME, span)
    assert not check("23:30:00", Datatype.TIME, Range(minimum="00:00:00Z", maximum="23:00:00Z"))
    assert check("2024-01-01", Datatype.DATE, Range(minimum="2023-12-31", maximum="2024-01-01"))


@given(st.sampled_from(ORDERED), st.data())
def test_ranges_agree_with_the_order_of_python(datatype, data):
    one = {
        Datatype.INTEGER: st.integers(),
        Datatype.FLOAT: st.floats(allow_nan=False),
        Datatype.DATE: st.dates(),
        Datatype.TIME: st.times(),
        Datatype.DATETIME: st.datetimes(),
    }[datatype]
    low, item, high = (data.draw(one) for _ in range(3))
    span = Range(minimum=lexical.write(low, datatype), maximum=lexical.write(high, datatype))
    assert ranges.inside(item, span, datatype) == (low <= item <= high)


@given(st.floats(allow_nan=False), st.sampled_from(["0.1", "3", "1e-300", "1e300"]))
def test_spacing_never_fails(number, spacing):
    assert isinstance(ranges.inside(number, Range(minimum="0", spacing=spacing), Datatype.FLOAT), bool)


@given(st.datetimes(), st.sampled_from(["P1M", "P1Y", "P1D", "PT0.5S"]), st.integers(-840, 840))
def test_temporal_spacing_never_fails(moment, spacing, minutes):
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    for minimum in (None, "0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00-14:00"):
        assert isinstance(ranges.inside(zoned, Range(minimum=minimum, spacing=spacing), Datatype.DATETIME), bool)


METRES = LiteralDomain(datatype=Datatype.FLOAT, units=("metre", "foot"))


def test_the_unit_is_one_of_the_parameters():
    assert literal.parse("5", METRES, "d") == LiteralData(value="5.0", datatype="double", uom="metre")
    assert literal.parse("5", METRES, "d", uom=" foot ").uom == "foot"
    with pytest.raises(WrongInputData, match="metre, foot"):
        literal.parse("5", METRES, "d", uom="degree")
    with pytest.raises(WrongInputData, match="no unit"):
        literal.parse("5", LiteralDomain(datatype=Datatype.FLOAT), "d", uom="metre")


@pytest.mark.parametrize(
    "name",
    ["double", "xs:double", "xsd:float", "http://www.w3.org/TR/xmlschema-2/#double", "urn:ogc:def:dataType:OGC::double",
     "xs:integer", "DOUBLE"],
)  # fmt: skip
def test_a_data_type_that_agrees_is_taken(name):
    assert literal.parse("5", METRES, "d", datatype=name).datatype == "double"


@pytest.mark.parametrize("name", ["string", "xs:boolean", "double2", "nonsense"])
def test_a_client_cannot_change_the_data_type(name):
    with pytest.raises(WrongInputData, match="has data type double"):
        literal.parse("5", METRES, "d", datatype=name)


def test_the_message_names_what_is_allowed():
    domain = LiteralDomain(
        datatype=Datatype.INTEGER,
        values=("1",),
        ranges=(Range(minimum="10", maximum="20", closure=Closure.OPEN, spacing="2"),),
    )
    with pytest.raises(WrongInputData) as caught:
        literal.parse("7", domain, "n")
    assert caught.value.text == (
        'Input n: "7" is not allowed. Allowed: 1, more than 10 and less than 20 in steps of 2.'
    )


def test_the_message_stays_short_and_printable():
    assert literal.quote("a\x1b[31m\nb") == '"a?[31m?b"'
    assert len(literal.quote("x" * 10_000)) < 70
    many = LiteralDomain(datatype=Datatype.STRING, values=tuple(map(str, range(1000))))
    with pytest.raises(WrongInputData, match="980 more"):
        literal.parse("x", many, "s")


def test_infinity_is_not_negative_by_accident():
    assert math.isinf(lexical.double("-INF"))
    assert lexical.double("-INF") < 0
