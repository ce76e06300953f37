"""The codec: whatever goes to disk or into the store comes back the same."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.model.codec import CodecError, decode, encode
from cloche.model.data import BoundingBoxData, ComplexData, Input, LiteralData, ReferenceData
from cloche.model.execute import Execute, Mode, OutputRequest, Response
from cloche.model.formats import Format
from cloche.model.limits import Limits

text = st.text(max_size=20)
formats = st.builds(Format, media_type=text, encoding=text, schema=text)
numbers = st.floats(allow_nan=False, allow_infinity=False)
corners = st.lists(numbers, min_size=2, max_size=3).map(tuple)
data = st.one_of(
    st.builds(LiteralData, value=text, datatype=text, uom=text),
    st.builds(BoundingBoxData, lower=corners, upper=corners, crs=text),
    st.builds(ComplexData, file=text, format=formats, size=st.integers(min_value=0)),
    st.builds(ReferenceData, href=text, format=formats, headers=st.lists(st.tuples(text, text), max_size=3).map(tuple)),
)
executes = st.builds(
    Execute,
    process=text,
    inputs=st.lists(st.builds(Input, id=text, data=data), max_size=4).map(tuple),
    outputs=st.lists(st.builds(OutputRequest, id=text, format=st.none() | formats), max_size=3).map(tuple),
    mode=st.sampled_from(Mode),
    response=st.sampled_from(Response),
    lineage=st.booleans(),
)


@given(executes)
def test_a_request_comes_back_the_same(request):
    assert decode(Execute, encode(request)) == request


@given(st.recursive(st.none() | st.booleans() | numbers | text, lambda x: st.lists(x) | st.dictionaries(text, x)))
def test_garbage_is_refused_with_the_path(garbage):
    with pytest.raises(CodecError, match=r"^\$"):
        decode(Execute, {"inputs": garbage})


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"process": 1}, r"\$\.process"),
        ({"process": "p", "mode": "later"}, r"\$\.mode"),
        ({"process": "p", "lineage": 1}, r"\$\.lineage"),
        ({"process": "p", "colour": "red"}, r"colour"),
        ({"process": "p", "inputs": [{"id": "a", "data": {"$type": "Pickle"}}]}, r"\$\.inputs\[0\]\.data"),
        ({"process": "p", "inputs": "abc"}, r"\$\.inputs"),
        ({"$type": "Input", "process": "p"}, r"Execute"),
        ([], r"object"),
    ],
)
def test_the_error_names_the_place(value, path):
    with pytest.raises(CodecError, match=path):
        decode(Execute, value)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    when: datetime
    pair: tuple[int, str]
    colour: Colour | None = None
    ratio: float | None = None
    limits: Limits | None = None


def test_times_enumerations_and_optional_values():
    value = Everything(when=datetime(2026, 1, 2, tzinfo=UTC), pair=(1, "a"), colour=Colour.RED, limits=Limits(memory=1))
    assert decode(Everything, encode(value)) == value
    assert decode(Everything, {"when": "2026-01-02T00:00:00+00:00", "pair": [1, "a"], "ratio": 2}).ratio == 2.0


@pytest.mark.parametrize("value", [{"when": "soon", "pair": [1, "a"]}, {"when": "2026-01-02T00:00:00Z", "pair": [1]}])
def test_malformed_times_and_tuples(value):
    with pytest.raises(CodecError):
        decode(Everything, value)
