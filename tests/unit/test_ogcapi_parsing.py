"""OGC API: parsers against whatever may come: execute requests, long strings, headers, schemas of authors."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, ReferenceData
from cloche.model.errors import ClocheError
from cloche.model.execute import Mode
from cloche.protocols._http.deposit import Deposit
from cloche.protocols.ogcapi import listing, negotiation, preferences, requests, strings
from cloche.protocols.ogcapi.nesting import checks
from cloche.protocols.ogcapi.plain_schemas import plain
from cloche.protocols.ogcapi.preferences import Preferences
from cloche.protocols.ogcapi.problems import Refused
from cloche.values.resolve import resolve
from ogcapi_house import ALL

SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
CHECKS = checks(ALL)
KINDS = (LiteralData, BoundingBoxData, ComplexData, ReferenceData)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["value", "href", "mediaType", "format", "bbox", "crs", "a", "uom"]), inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


class Folder:
    """An intake in a directory of its own."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    def discard(self): ...


@pytest.fixture
def deposit(tmp_path):
    numbers = iter(range(10**6))
    return lambda: Deposit(lambda: Folder(tmp_path / str(next(numbers))), max_bytes=10_000)


def read(body, deposit):
    decoded = requests.decode(body)
    return requests.execute(decoded, ALL, CHECKS, deposit(), mode=Mode.SYNC)


@SLOW
@given(body=st.dictionaries(st.sampled_from(["inputs", "outputs", "response", "subscriber", "x"]), anything))
def test_any_json_is_read_or_refused(deposit, body):
    try:
        read(json.dumps(body).encode(), deposit)
    except (Refused, ClocheError):
        return


@SLOW
@given(name=st.sampled_from([item.id for item in ALL.inputs]), value=anything)
@example(name="length", value={"measurement": 1, "uom": "metre"})
@example(name="features", value={"href": "http://x/", "format": {"mediaType": ["x"]}})
def test_any_value_of_an_input_is_data_or_refused(deposit, name, value):
    try:
        found = read(json.dumps({"inputs": {name: value}}).encode(), deposit)
        resolve(ALL, found, max_input_bytes=None)
    except (Refused, ClocheError):
        return
    assert all(isinstance(item.data, KINDS) and item.id == name for item in found.inputs)


@SLOW
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(deposit, body):
    try:
        read(body, deposit)
    except (Refused, ClocheError):
        return


@SLOW
@given(
    texts=st.lists(st.text(max_size=10), max_size=3),
    number=st.integers(0, 20).map(lambda n: n * 5),
    box=st.tuples(*[st.floats(-180, 180, allow_nan=False)] * 4),
    document=anything,
)
def test_what_is_written_is_read(deposit, texts, number, box, document):
    """Round trip: values as a client writes them, in the form that needs no guess."""
    inputs = {"text": texts, "count": {"value": number}, "box": {"bbox": box}, "document": {"value": document}}
    store = deposit()
    found = requests.execute(
        requests.decode(json.dumps({"inputs": inputs}).encode()), ALL, CHECKS, store, mode=Mode.ASYNC
    )
    by_id = {}
    for item in found.inputs:
        by_id.setdefault(item.id, []).append(item.data)
    assert [data.value for data in by_id.get("text", [])] == texts
    assert [data.value for data in by_id["count"]] == [str(number)]
    assert (*by_id["box"][0].lower, *by_id["box"][0].upper) == box
    content = (store.intake.path / by_id["document"][0].file).read_bytes()
    again = json.loads(content)
    assert again == document or json.loads(document) == again


@settings(max_examples=60, deadline=None)
@given(text=st.text(), ascii=st.booleans(), size=st.integers(13, 60))
@example(text="\\" * 100, ascii=True, size=20)
@example(text="\U0001f600" * 30, ascii=True, size=13)
@example(text="\U0001f600" * 30, ascii=False, size=13)
@example(text="a" * 40 + "\u0434" * 40 + "b" * 30 + "\n" * 30, ascii=True, size=33)
def test_long_strings_are_cut_between_characters(text, ascii, size):
    text = text.encode("utf-8", "ignore").decode()
    raw = json.dumps(text, ensure_ascii=ascii).encode()
    before, strings.PIECE = strings.PIECE, size
    try:
        assert "".join(strings.pieces(memoryview(raw))) == text
    finally:
        strings.PIECE = before


@given(header=st.text(max_size=60))
@example(header="respond-async; wait=5, wait=7")
def test_any_prefer_header_is_read(header):
    assert isinstance(preferences.parse(header), Preferences)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", Preferences()),
        ("respond-async", Preferences(respond_async=True)),
        ("Respond-Async , wait = 10", Preferences(respond_async=True, wait=10)),
        ('wait="3"', Preferences(wait=3)),
        ("wait=-3", Preferences()),
        ("wait=99999999999999999999", Preferences(wait=preferences.LONGEST_WAIT)),
        ("wait=5, wait=7", Preferences(wait=5)),
        ("handling=strict, foo; bar", Preferences()),
    ],
)
def test_preferences(header, found):
    assert preferences.parse(header) == found


@given(header=st.text(max_size=80))
def test_any_accept_header_is_understood_or_refused(header):
    with suppress(Refused):
        assert negotiation.negotiate(header, None) in ("application/json", "text/html")


@given(query=st.binary(max_size=80))
@example(query=b"datetime=2024-01-01T00:00:00Z/2023-01-01T00:00:00Z")
@example(query=b"limit=%C2%B2")
@example(query=b"minDuration=%D9%A3")
def test_any_query_is_read_or_refused(query):
    with suppress(Refused):
        assert 2 <= listing.jobs(listing.parse(query)).limit <= listing.MOST + 1


ALLOWED = frozenset({
    "title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "required", "enum", "type",
    "not", "allOf", "oneOf", "anyOf", "items", "properties", "additionalProperties", "description", "format", "default",
    "nullable", "readOnly", "writeOnly", "example", "deprecated", "contentMediaType", "contentEncoding",
    "contentSchema",
})  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (True, {}),
        (False, {"not": {}}),
        ({"const": 5, "$comment": "x"}, {"enum": [5]}),
        ({"type": ["string", "null"]}, {"nullable": True, "type": "string"}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"exclusiveMinimum": 3, "minimum": 5}, {"minimum": 5}),
        ({"exclusiveMaximum": 3, "maximum": 5}, {"maximum": 3, "exclusiveMaximum": True}),
        ({"minimum": 0, "exclusiveMinimum": True}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string"}}}, {"type": "string"}),
        ({"$ref": "http://example.org/x.json"}, {}),
        ({"items": {"prefixItems": [{}], "type": "array"}}, {"items": {"type": "array"}}),
        ({"additionalProperties": False, "required": []}, {"additionalProperties": False}),
    ],
)
def test_schemas_of_authors_in_words_of_the_standard(schema, found):
    assert plain(schema) == found


def test_recursive_schemas_end():
    tree = {"$ref": "#/$defs/node", "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}}
    assert len(json.dumps(plain(tree))) < 1000
    assert plain({"$ref": "#"}) == {}


words = st.recursive(
    st.booleans() | st.text(max_size=4) | st.integers() | st.just({"$ref": "#"}),
    lambda inner: st.dictionaries(
        st.sampled_from([*ALLOWED, "$ref", "const", "if", "prefixItems"]),
        inner | st.lists(inner, max_size=2),
        max_size=4,
    ),
    max_leaves=10,
)


def only_allowed(schema):
    if isinstance(schema, dict):
        assert set(schema) <= ALLOWED
        for key in ("not", "items", "additionalProperties"):
            only_allowed(schema.get(key))
        for key in ("allOf", "oneOf", "anyOf"):
            for item in schema.get(key, ()):
                only_allowed(item)
        for item in schema.get("properties", {}).values():
            only_allowed(item)


@SLOW
@given(schema=words)
def test_any_schema_has_a_plain_form(schema):
    found = plain(schema)
    only_allowed(found)
    msgspec.json.encode(found)
