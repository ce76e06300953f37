"""Inputs made of inputs: declarations, paths, occurrences, and what the runner makes of them."""

import json
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, NotRequired, TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloche.model.codec import decode, encode
from cloche.model.data import Input as Given
from cloche.model.data import LiteralData
from cloche.model.domains import Datatype, LiteralDomain
from cloche.model.errors import InputError, NoSuchFormat, NoSuchInput
from cloche.model.execute import Execute, Mode, OutputRequest
from cloche.model.formats import Format
from cloche.model.process import Group, Parameter, ProcessDescription, found, leaves
from cloche.process import BoundingBox, DeclarationError, Input, Json, Output, process
from cloche.protocols._http.deposit import Deposit
from cloche.protocols.ogcapi import requests
from cloche.protocols.ogcapi.nesting import checks
from cloche.protocols.ogcapi.problems import Refused
from cloche.protocols.wps1 import nesting
from cloche.runner import inputs as runner_inputs
from cloche.values.resolve import resolve


@dataclass(frozen=True)
class Inner:
    a: int
    b: str = "b"
    c: list[int] = field(default_factory=lambda: [1])


class Pair(NamedTuple):
    left: float
    right: float = 0.5


class Keys(TypedDict):
    needed: Inner
    spare: NotRequired[Annotated[list[Pair], Input("Spare", max_occurs=3)]]


@dataclass(frozen=True)
class Spare:
    a: int = 1
    b: int | None = None


@process(version="1")
def nested(keys: Keys, many: list[Inner], spare: Spare, maybe: Inner | None = None) -> int:
    """Nested."""
    return 0


TEXT = LiteralDomain(datatype=Datatype.STRING)


def text(id, **more):
    return Parameter(id=id, title=id, domain=TEXT, **more)


def shape(parameter):
    if isinstance(parameter, Parameter):
        return parameter.id
    return {parameter.id: [shape(inner) for inner in parameter.parameters]}


# --- declarations ---


def test_classes_are_groups():
    keys, many, spare, maybe = nested.description.inputs
    assert shape(keys) == {"keys": [{"needed": ["a", "b", "c"]}, {"spare": ["left", "right"]}]}
    assert [(p.min_occurs, p.max_occurs) for p in (keys, many, spare, maybe)] == [(1, 1), (1, None), (0, 1), (0, 1)]
    inner = keys.parameters[1]
    assert (inner.title, inner.min_occurs, inner.max_occurs) == ("Spare", 0, 3)
    a, b, c = maybe.parameters
    assert (a.min_occurs, b.min_occurs, b.domain.default, c.max_occurs) == (1, 0, "b", None)


def test_descriptions_are_data():
    assert decode(ProcessDescription, encode(nested.description)) == nested.description


def test_boxes_and_objects_are_single_values():
    @process
    def single(box: BoundingBox, json: Json, mapping: dict[str, int]) -> BoundingBox: ...

    assert all(isinstance(parameter, Parameter) for parameter in single.description.inputs)


@dataclass
class Loop:
    again: "Loop | None" = None


@dataclass
class Empty: ...


@dataclass
class Wrong:
    member: complex


@dataclass
class Twice:
    a: int
    A: int


def around(one: Loop) -> int: ...
def nothing(one: Empty) -> int: ...
def unknown(one: Wrong) -> int: ...
def twice(one: Twice) -> int: ...
def options(one: Annotated[Inner, Input(minimum=1)]) -> int: ...
def output(one: int) -> Twice: ...
def several() -> "Lists": ...


@dataclass
class Lists:
    inner: list[Inner]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (around, "parameter one: member again: Loop is inside of itself; use Json"),
        (nothing, "parameter one: Empty has no members"),
        (unknown, "parameter one: member member: complex cannot be sent"),
        (twice, "parameter one: Twice: two members have the id a"),
        (options, "parameter one: minimum does not apply to an input made of inputs"),
        (output, "two outputs have the id a"),
        (several, "output inner: an output occurs once"),
    ],
)
def test_wrong_classes(function, words):
    with pytest.raises(DeclarationError) as raised:
        process(function)
    assert words in str(raised.value)


# --- paths ---


def test_leaves_and_paths_fit():
    inputs = nested.description.inputs
    assert [leaf.id for leaf in leaves(inputs)][:5] == [
        "keys/needed/a",
        "keys/needed/b",
        "keys/needed/c",
        "keys/spare/left",
        "keys/spare/right",
    ]
    for leaf in leaves(inputs, number="0/"):
        assert found(inputs, leaf.id) == leaf


@pytest.mark.parametrize(
    "path",
    [
        *("keys", "keys/", "keys/needed", "keys/spare/left", "keys/spare/x/left", "keys/spare/01/left", "", "/"),
        *("keys/needed/a/b", "many/0", "many/0/", "many/-1/a", "many/٣/a", "many/" + "9" * 9 + "/a", "nothing"),
    ],
)
def test_what_is_no_path_of_data(path):
    assert found(nested.description.inputs, path) is None


@given(st.lists(st.sampled_from(["keys", "needed", "spare", "many", "a", "left", "0", "1", "", "x"]), max_size=5))
def test_any_path_is_found_or_refused(steps):
    path = "/".join(steps)
    request = Execute(process="nested", inputs=(Given(id=path, data=LiteralData(value="1")),))
    parameter = nested.description.input(path)
    assert parameter is None or parameter.id == path
    with pytest.raises(InputError):  # something is always missing
        resolve(nested.description, request, max_input_bytes=None)


# --- occurrences and defaults ---


def resolved(*pairs):
    inputs = tuple(Given(id=path, data=LiteralData(value=value)) for path, value in pairs)
    return resolve(nested.description, Execute(process="nested", inputs=inputs), max_input_bytes=None)


def test_defaults_are_filled_in_where_a_group_is_given():
    found = resolved(("keys/needed/a", "1"), ("many/7/a", "2"), ("many/3/a", "3"), ("many/3/b", "x"))
    assert [(item.id, item.data.value) for item in found.inputs] == [
        ("keys/needed/a", "1"),
        ("many/7/a", "2"),
        ("many/3/a", "3"),
        ("many/3/b", "x"),
        ("keys/needed/b", "b"),
        ("many/7/b", "b"),
    ]


@dataclass(frozen=True)
class Low:
    x: int
    y: Annotated[str, Output("Y")]


@dataclass(frozen=True)
class Out:
    low: Low
    n: int


def test_an_output_stands_for_what_is_inside():
    @process(version="1")
    def out() -> Out: ...

    def wanted(*outputs):
        found = resolve(out.description, Execute(process="out", outputs=outputs), max_input_bytes=None)
        return [(request.id, request.as_reference) for request in found.outputs]

    assert wanted() == [("low/x", False), ("low/y", False), ("n", False)]
    assert wanted(OutputRequest(id="low", as_reference=True)) == [("low/x", True), ("low/y", True)]
    assert wanted(OutputRequest(id="low/y")) == [("low/y", False)]
    with pytest.raises(NoSuchFormat, match="made of outputs"):
        wanted(OutputRequest(id="low", format=Format(media_type="text/xml")))


# --- the runner ---


def test_instances_are_built(tmp_path):
    def given(*pairs):
        items = [(path, Given(id=path, data=LiteralData(value=value))) for path, value in pairs]
        values = runner_inputs._read(nested.arguments, items, tmp_path)
        return {item.name: item.gather(values.get(item.parameter.id, ())) for item in nested.arguments}

    found = given(
        ("keys/needed/a", "1"), ("keys/needed/b", "x"), ("keys/spare/1/left", "2"), ("keys/spare/0/left", "1"),
        ("many/5/a", "5"), ("many/5/c", "6"), ("many/5/c", "7"), ("many/0/a", "0"),
    )  # fmt: skip
    assert found == {
        "keys": {"needed": Inner(1, "x"), "spare": [Pair(1.0), Pair(2.0)]},
        "many": [Inner(0), Inner(5, "b", [6, 7])],
        "spare": Spare(),
        "maybe": None,
    }
    assert given(("keys/needed/a", "1"))["keys"] == {"needed": Inner(1)}


# --- WPS 1.0.0 ---


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["keys/needed/a"], ["keys/needed/a"]),
        (["many/a", "many/b", "many/a", "x"], ["many/0/a", "many/0/b", "many/1/a", "x"]),
        (["many/4/a", "many/a"], ["many/4/a", "many/0/a"]),
        (["many/4/c", "many/4/c"], ["many/4/c", "many/4/c"]),
        (["no/such"], ["no/such"]),
        (["keys/spare/left", "keys/spare/left"], ["keys/spare/0/left", "keys/spare/1/left"]),
    ],
)
def test_occurrences_are_counted(ids, expected):
    assert nesting.numbered(ids, nested.description.inputs) == expected


def test_occurrences_that_cannot_be_told_apart():
    with pytest.raises(NoSuchInput, match="write the number") as refused:
        nesting.numbered(["many/c"], nested.description.inputs)
    assert refused.value.locator == "many/c"
    deep = Group(
        id="d", title="d", max_occurs=2, parameters=(Group(id="e", title="e", max_occurs=2, parameters=(text("f"),)),)
    )
    assert nesting.numbered(["d/1/e/0/f", "d/1/e/f"], [deep]) == ["d/1/e/0/f", "d/1/e/0/f"]
    with pytest.raises(NoSuchInput):
        nesting.numbered(["d/e/f"], [deep])


# --- OGC API ---


def test_a_name_that_is_no_text(tmp_path):
    """Found by fuzzing: what stands inside of a value is decoded late."""
    body = requests.decode(b'{"inputs": {"maybe": {"\x8a": 1}}}')
    deposit = Deposit(lambda: pytest.fail("nothing is stored"))
    with pytest.raises(Refused) as refused:
        requests.execute(body, nested.description, checks(nested.description), deposit, mode=Mode.SYNC)
    assert refused.value.problem.faults[0].pointer == "#/inputs/maybe"


NUMBERS = st.integers(-(10**9), 10**9)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
INNERS = st.fixed_dictionaries({"a": NUMBERS}, optional={"b": TEXTS, "c": st.lists(NUMBERS, min_size=1, max_size=3)})
PAIRS = st.fixed_dictionaries({"left": NUMBERS}, optional={"right": NUMBERS})
KEYS = st.fixed_dictionaries({"needed": INNERS}, optional={"spare": st.lists(PAIRS, min_size=1, max_size=3)})


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(keys=KEYS, many=st.lists(INNERS, min_size=1, max_size=4), maybe=st.none() | INNERS, qualified=st.booleans())
def test_json_comes_out_as_instances(tmp_path, keys, many, maybe, qualified):
    """From the body of a request to what the function is called with."""
    sent = {"keys": keys, "many": many} | ({} if maybe is None else {"maybe": maybe})
    if qualified:
        sent["keys"] = {"value": keys | {"needed": {"value": keys["needed"]}}}
    body = requests.decode(json.dumps({"inputs": sent}).encode())
    deposit = Deposit(lambda: pytest.fail("nothing is stored"))
    asked = requests.execute(body, nested.description, checks(nested.description), deposit, mode=Mode.SYNC)
    request = resolve(nested.description, asked, max_input_bytes=None)
    values = runner_inputs._read(nested.arguments, [(item.id, item) for item in request.inputs], tmp_path)
    found = {item.name: item.gather(values.get(item.parameter.id, ())) for item in nested.arguments}
    expected = {"needed": Inner(**keys["needed"])}
    if "spare" in keys:
        expected["spare"] = [Pair(**pair) for pair in keys["spare"]]
    assert found == {
        "keys": expected,
        "many": [Inner(**inner) for inner in many],
        "spare": Spare(),
        "maybe": None if maybe is None else Inner(**maybe),
    }
