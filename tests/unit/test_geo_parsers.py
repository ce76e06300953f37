"""Whatever bytes and expressions come: refused in words, or read; nothing else."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from cloche.authoring.errors import ProcessError, WrongData
from cloche.authoring.vector import Vector
from cloche.authoring.vector_formats import CSV, GEOJSON, GML32, KML
from cloche.authoring.wellformed import read_xml
from cloche.library.raster.formula import FUNCTIONS, parse

gpd = pytest.importorskip("geopandas")
RELAXED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = {("A", 1): np.array([1.0, np.nan]), ("A", 2): np.array([0.0, 5.0]), ("B", 1): np.array([-3.0, 2.0])}

leaves = st.sampled_from(["A", "A[2]", "B", "1", "0.5", "pi", "nodata"])
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "==", "and", "or", "&"]), inner
        ).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["-", "not ", "~"]), inner).map(lambda t: f"({t[0]}{t[1]})"),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, min_size=3, max_size=3)).map(
            lambda t: f"{t[0]}({', '.join(t[1][: FUNCTIONS[t[0]][0]])})"
        ),
    ),
    max_leaves=12,
)


def attempt(call):
    """The result, or what was raised for the client; anything else that is raised fails the test."""
    try:
        return call(), None
    except ProcessError as error:
        return None, error


@given(expressions)
@settings(max_examples=100, deadline=None)
def test_expressions_of_the_grammar_compute_numbers(text):
    formula, error = attempt(lambda: parse(text, {"A": 2, "B": 1}))
    if error:
        assert error.text in ("the expression uses no raster", "the expression is too complicated")
        return
    with np.errstate(all="ignore"):
        assert np.broadcast_to(formula.compute(CELLS), (2,)).dtype == np.float64


@given(st.text(alphabet="AB[]()+-*/%<>=!&|~.,:'\"_ 019elambdforiswhq{}@\n\0", max_size=40) | st.text(max_size=20))
@settings(max_examples=150, deadline=None)
def test_any_other_expression_is_refused_in_words(text):
    formula, error = attempt(lambda: parse(text, {"A": 2, "B": 1}))
    assert error.input == "expression" if error else formula.uses <= set(CELLS)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    frame = gpd.GeoDataFrame({"a": [1, 2], "b": ["x", "ü"]}, geometry=[Point(1, 2), box(0, 0, 1, 1)], crs=4326)
    kinds = (GEOJSON, GML32, KML, CSV)
    return SimpleNamespace(**{k.id: (k, Vector.deliver(frame, k.format, folder, k.id).read_bytes()) for k in kinds})


@given(data=st.data())
@RELAXED
@pytest.mark.parametrize("name", ["geojson", "gml32", "kml", "csv"])
def test_damaged_files_are_refused_in_words_or_read(name, samples, data, tmp_path_factory):
    kind, whole = getattr(samples, name)
    place = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.sampled_from([0, 1, 5, 50]))
    damaged = whole[:place] + data.draw(st.binary(max_size=6)) + whole[place + length :]
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "input"
    path.write_bytes(damaged)
    vector, error = attempt(lambda: Vector.receive(path, kind.format, folder))
    if error:
        assert isinstance(error, WrongData)
        assert error.text
        assert str(folder) not in error.text
    else:
        assert len(vector) >= 0


@given(st.binary(max_size=200) | st.text(alphabet="<>/a='\"&;! ?xml", max_size=60).map(str.encode))
@RELAXED
def test_any_bytes_are_xml_or_not(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    document, error = attempt(lambda: read_xml(path))
    assert error.text if error else document.name


def test_geojson_of_one_feature_is_one_feature(tmp_path):
    path = tmp_path / "x"
    path.write_text(json.dumps({"type": "Point", "coordinates": [1, 2]}))
    assert len(Vector.receive(path, GEOJSON.format, tmp_path)) == 1
