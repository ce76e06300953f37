import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.authoring.errors import WrongData
from cloche.authoring.schema import Schema

CASES = [
    ({"type": "integer"}, [1, 1.0, -3], [1.5, "1", True, None]),
    ({"type": ["string", "null"]}, ["a", None], [1, []]),
    ({"type": "number"}, [1, 1.5], [True, "1"]),
    ({"enum": [1, "a", None]}, [1, "a", None], [2, True, "b"]),
    ({"const": {"a": [1]}}, [{"a": [1]}, {"a": [1.0]}], [{"a": [True]}, {}]),
    ({"minimum": 0, "maximum": 10, "exclusiveMinimum": True}, [1, 10, "x"], [0, -1, 11]),
    ({"exclusiveMinimum": 0, "exclusiveMaximum": 1}, [0.5], [0, 1]),
    ({"multipleOf": 0.1}, [0.3, 7, "x"], [0.35]),
    ({"minLength": 2, "maxLength": 3, "pattern": "^a"}, ["ab", 7], ["a", "abcd", "bb"]),
    ({"minItems": 2, "maxItems": 3, "items": {"type": "integer"}}, [[1, 2]], [[1], [1, 2, 3, 4], [1, "a"]]),
    ({"uniqueItems": True}, [[1, 2]], [[1, 1], [{"a": 1}, {"a": 1}]]),
    ({"prefixItems": [{"type": "string"}], "items": False}, [["a"], []], [[1], ["a", "b"]]),
    ({"contains": {"type": "string"}, "maxContains": 1}, [["a", 1]], [[1], ["a", "b"]]),
    ({"required": ["a"], "properties": {"a": {"type": "integer"}}}, [{"a": 1}, 3], [{}, {"a": "x"}]),
    ({"additionalProperties": False, "properties": {"a": {}}}, [{"a": 1}], [{"b": 1}]),
    ({"patternProperties": {"^x": {"type": "integer"}}}, [{"x1": 1, "y": "z"}], [{"x1": "a"}]),
    ({"propertyNames": {"maxLength": 1}, "maxProperties": 2}, [{"a": 1}], [{"ab": 1}, {"a": 1, "b": 2, "c": 3}]),
    ({"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 2}, {}], [{"a": 1}]),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}, {"const": 3}]}, ["a", 4], [3, None]),
    ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, ["a", 6], [4]),
    ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1, 2], [0, 3]),
    ({"not": {"type": "string"}}, [1], ["a"]),
    ({"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"minimum": 1}}, ["a", 1], ["", 0]),
    ({"$defs": {"p": {"type": "integer"}}, "items": {"$ref": "#/$defs/p"}}, [[1]], [["a"]]),
    (
        {"properties": {"next": {"$ref": "#"}}, "required": ["id"]},
        [{"id": 1, "next": {"id": 2}}],
        [{"id": 1, "next": {}}],
    ),
    (True, [1, None], []),
    (False, [], [1, None]),
]


@pytest.mark.parametrize(("schema", "fitting", "other"), CASES)
def test_keywords(schema, fitting, other):
    checker = Schema(schema)
    for instance in fitting:
        checker.check(instance)
    for instance in other:
        with pytest.raises(WrongData, match=r"^\$"):
            checker.check(instance)


def test_the_text_names_the_place():
    with pytest.raises(WrongData, match=r"\$\.a\[1\]: is not of type integer"):
        Schema({"properties": {"a": {"items": {"type": "integer"}}}}).check({"a": [1, "x"]})


@pytest.mark.parametrize(
    "schema",
    [
        {"unevaluatedProperties": False},
        {"$ref": "http://example.org/x.json"},
        {"$ref": "#/nowhere"},
        {"properties": {"a": {"pattern": "("}}},
        {"items": {"pattern": "["}},
        {"items": 3},
        {"type": "text"},
        {"allOf": "x"},
        {"properties": []},
        {"required": "a"},
        {"minimum": "a"},
    ],
)
def test_what_cannot_be_checked_is_refused_beforehand(schema):
    with pytest.raises(ValueError, match=r".+"):
        Schema(schema)


def test_endless_recursion_ends():
    with pytest.raises(WrongData, match="nested too deep"):
        Schema({"$ref": "#"}).check(1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON, JSON)
def test_const_is_equality_of_json(left, right):
    Schema({"const": left}).check(left)
    try:
        Schema({"const": left}).check(right)
    except WrongData:
        assert left is not right
