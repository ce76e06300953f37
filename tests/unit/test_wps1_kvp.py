"""The KVP grammar of WPS 1.0.0: lists, attributes, encodings."""

from contextlib import suppress
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.model.data import BoundingBoxData
from cloche.model.errors import ClocheError, WrongInputData
from cloche.protocols._ows import kvp as queries
from cloche.protocols._ows.errors import Code, OwsError
from cloche.protocols._ows.operations import boolean, operation
from cloche.protocols.wps1 import kvp
from cloche.protocols.wps1.datainputs import Item, parse
from wps_house import ECHO, House

OPERATIONS = ("GetCapabilities", "DescribeProcess", "Execute")


@pytest.mark.parametrize(
    ("undecoded", "expected"),
    [
        ("", []),
        (";;", []),
        ("=value", []),
        ("a", [("a", "", {})]),
        ("a=1", [("a", "1", {})]),
        ("a=1;a=2;b=3", [("a", "1", {}), ("a", "2", {}), ("b", "3", {})]),
        ("[a=1;b=2]", [("a", "1", {}), ("b", "2", {})]),
        ("%5Ba=1%5D", [("a", "1", {})]),
        ("a=1@uom=m@dataType=double", [("a", "1", {"uom": "m", "datatype": "double"})]),
        ("a=@XLINK:HREF=http%3A%2F%2Fh%2F%3Fb%3D1", [("a", "", {"href": "http://h/?b=1"})]),
        ("a@asReference=true", [("a", "", {"asreference": "true"})]),
        ("a=x@Format=text/xml@encoding=UTF-8", [("a", "x", {"mimetype": "text/xml", "encoding": "UTF-8"})]),
        # delimiters encoded in a list that has some are data
        ("a=1%3Bb%3D2%40c", [("a", "1;b=2@c", {})]),
        ("a=b=c", [("a", "b=c", {})]),
        ("a=john@example.org", [("a", "john@example.org", {})]),
        ("a=john@example.org@uom=m", [("a", "john@example.org", {"uom": "m"})]),
        ("a=%2525", [("a", "%25", {})]),
        ("a=1+2", [("a", "1 2", {})]),
        ("a=1%2B2", [("a", "1+2", {})]),
        # a list without them was encoded as a whole, once or twice
        ("a%3D1%3Bb%3D2%40uom%3Dm", [("a", "1", {}), ("b", "2", {"uom": "m"})]),
        ("%5Ba%3D1%5D", [("a", "1", {})]),
        ("a%3Dx%253By", [("a", "x;y", {})]),
        ("a%3Dx%2By+z", [("a", "x+y z", {})]),
        ("TC00%3Ain=5", [("TC00:in", "5", {})]),
        ("a=%zz%", [("a", "%zz%", {})]),
    ],
)
def test_lists(undecoded, expected):
    assert [(item.id, item.value, item.attributes) for item in parse("DataInputs", undecoded)] == expected


@pytest.mark.parametrize("undecoded", ["a=caf%E9", "a%3Dcaf%25E9", "a%3Dcaf%E9", "caf%E9=1", "a=1@uom=%C3"])
def test_what_is_not_utf_8_is_refused_by_name(undecoded):
    with pytest.raises(OwsError) as refused:
        parse("DataInputs", undecoded)
    assert (refused.value.fault.code, refused.value.fault.locator) == (Code.INVALID, "DataInputs")


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Zs", "Cc", "Zl", "Zp"]), min_size=1).filter(
    lambda text: text.strip() and not text.startswith("[")
)
VALUES = st.text(st.characters(codec="utf-8"))
ITEMS = st.lists(
    st.builds(
        Item,
        id=NAMES,
        value=VALUES,
        attributes=st.dictionaries(
            st.sampled_from(["uom", "datatype", "mimetype", "encoding", "schema", "href"]), VALUES
        ),
    ),
    max_size=4,
)


def rendered(items):
    """A list whose values are encoded, as the standard has it before the URL encodes it again."""
    pieces = []
    for item in items:
        attributes = "".join(f"@{name}={quote(content, safe='')}" for name, content in item.attributes.items())
        pieces.append(f"{quote(item.id, safe='')}={quote(item.value, safe='')}{attributes}")
    return ";".join(pieces)


@given(ITEMS, st.booleans())
def test_round_trip(items, twice):
    text = rendered(items)
    assert parse("DataInputs", quote_plus(text) if twice else text) == tuple(items)


@given(st.text())
def test_no_text_is_too_strange_for_the_grammar(text):
    with suppress(OwsError):
        for item in parse("DataInputs", text):
            assert item.id


@given(st.binary(max_size=300))
def test_no_query_is_too_strange(query):
    parsed = queries.parse(query)
    for name in parsed.undecoded:
        assert name == name.lower()
        assert isinstance(parsed.get(name), str)
        assert all(parsed.items(name))
    try:
        operation(parsed, OPERATIONS)
        kvp.get_capabilities(parsed)
        kvp.describe_process(parsed)
    except OwsError:
        return


@given(st.dictionaries(st.text("abcdefgä0_-.:", min_size=1), st.text(), max_size=5))
def test_queries_round_trip(pairs):
    query = "&".join(f"{quote_plus(name.upper())}={quote_plus(value)}" for name, value in pairs.items())
    parsed = queries.parse(query.encode())
    for name, value in pairs.items():
        assert parsed.get(name.upper().lower()) == value


@given(st.text(max_size=200))
def test_no_execute_is_a_server_error(text):
    deposit_free = f"identifier=echo&version=1.0.0&datainputs={quote(text)}&responsedocument={quote(text)}"
    query = queries.parse(deposit_free.encode())
    try:
        kvp.execute_request(query, ECHO, _NoDeposit())
    except (OwsError, ClocheError):
        return


class _NoDeposit:
    max_bytes = None

    def create(self):
        import io

        return "data0", io.BytesIO()

    def check(self, size):
        pass


@pytest.mark.parametrize(
    ("text", "lower", "upper", "crs"),
    [
        ("46,102,47,103", (46, 102), (47, 103), ""),
        ("46,102,47,103,urn:ogc:def:crs:EPSG:6.6:4326,2", (46, 102), (47, 103), "urn:ogc:def:crs:EPSG:6.6:4326"),
        (" 1 , 2,3, 4 , EPSG:4326", (1, 2), (3, 4), "EPSG:4326"),
        ("1,2,3,4,2", (1, 2), (3, 4), ""),
        ("1,2,3,4,5,6", (1, 2, 3), (4, 5, 6), ""),
        ("-1e3,+2,.5,4.", (-1000, 2), (0.5, 4), ""),
    ],
)
def test_bounding_boxes(text, lower, upper, crs):
    assert kvp.bounding_box(text, "b") == BoundingBoxData(lower=lower, upper=upper, crs=crs)


@pytest.mark.parametrize("text", ["", "a", "1", "a,b,c", "1,2,3,4,x,2,3", "1,2,x,3,4"])
def test_bounding_boxes_that_are_none(text):
    with pytest.raises(WrongInputData):
        kvp.bounding_box(text, "b")


def test_booleans():
    assert [boolean(text, "b") for text in ("true", "TRUE", "1", "false", "0", "")] == [True] * 3 + [False] * 3
    with pytest.raises(OwsError):
        boolean("yes", "b")


def test_the_first_value_of_a_name_stands():
    parsed = queries.parse(b"A=&a=1&A=2&b")
    assert (parsed.get("a"), parsed.get("b"), unquote(parsed.raw("a"))) == ("1", "", "1")


def test_execute_encoded_as_a_whole_reaches_the_process(tmp_path):
    house = House(tmp_path)
    data = quote_plus("text=" + quote("a;b=c@d +%", safe="") + ";number=2@uom=feet")
    answer = house.get(
        f"service=WPS&version=1.0.0&request=Execute&identifier=echo&DataInputs={data}&RawDataOutput=text"
    )
    assert answer.text == "a;b=c@d +%"


@pytest.mark.parametrize("parameter", ["Identifier", "language", "DataInputs"])
def test_a_query_that_is_not_utf_8_starts_nothing(parameter, tmp_path):
    house = House(tmp_path)
    found = house.get(f"service=WPS&version=1.0.0&request=Execute&{parameter}=caf%E9")
    assert found.status_code == 400
    assert f'locator="{parameter.lower()}"' in found.text
    assert house.jobs == []
