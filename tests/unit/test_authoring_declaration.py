from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest

from cloche.model.domains import BoundingBoxDomain, Closure, ComplexDomain, Datatype, LiteralDomain, Range
from cloche.model.formats import Format
from cloche.model.limits import Limits as ModelLimits
from cloche.model.process import JobControl, Translation
from cloche.process import (
    AnyURI,
    BoundingBox,
    DeclarationError,
    File,
    Input,
    Job,
    Json,
    Limits,
    Measure,
    Metadata,
    Output,
    process,
)
from cloche.process import Range as AllowedRange

JSON = Format(media_type="application/json")


class Method(Enum):
    NEAREST = "nearest"
    CUBIC = "cubic"


class Level(Enum):
    LOW = (0, 1)
    HIGH = (1, 2)


def described(hint, **defaults):
    """The description of an input with that hint."""

    def function(value):
        """Test."""

    function.__annotations__ = {"value": hint, "return": str}
    function.__defaults__ = tuple(defaults.values()) or None
    return process(function).description.inputs[0]


def test_issue_example_is_described_whole():
    @process(version="1.2.0", keywords=["vector"], limits=Limits(memory="1GiB", time="10min"))
    def buffer(
        features: Annotated[File, Input("Features to grow", formats=["application/geo+json"], max_size="10MiB")],
        distance: Annotated[float, Input("Distance", minimum=0, unit="metre")] = 10.0,
        *,
        job: Job,
    ) -> Annotated[File, Output("Grown features")]:
        """Grow features by a distance.

        Overlapping results are
        dissolved.
        """
        return features

    found = buffer.description
    assert (found.id, found.version, found.title) == ("buffer", "1.2.0", "Grow features by a distance")
    assert found.abstract == "Overlapping results are dissolved."
    assert found.keywords == ("vector",)
    assert found.limits == ModelLimits(memory=2**30, run_time=600.0)
    assert found.job_control == tuple(JobControl)
    features, distance = found.inputs
    assert (features.id, features.title, features.min_occurs, features.max_occurs) == (
        "features",
        "Features to grow",
        1,
        1,
    )
    assert features.domain == ComplexDomain(formats=(Format(media_type="application/geo+json"),), max_bytes=10 * 2**20)
    assert distance.domain == LiteralDomain(
        datatype=Datatype.FLOAT, ranges=(Range(minimum="0.0"),), units=("metre",), default="10.0"
    )
    assert (distance.min_occurs, distance.max_occurs) == (0, 1)
    assert [output.id for output in found.outputs] == ["result"]
    assert found.outputs[0].title == "Grown features"


def test_decorated_functions_are_called_as_before():
    @process
    def double(number: int, *, job: Job) -> int:
        """Twice."""
        job.progress(50)
        return 2 * number

    assert double(21, job=Job(workdir=None)) == 42
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice."
    assert double.__wrapped__(1, job=Job(workdir=None)) == 2


@pytest.mark.parametrize(
    ("hint", "datatype"),
    [
        (str, Datatype.STRING),
        (int, Datatype.INTEGER),
        (float, Datatype.FLOAT),
        (bool, Datatype.BOOLEAN),
        (date, Datatype.DATE),
        (time, Datatype.TIME),
        (datetime, Datatype.DATETIME),
        (AnyURI, Datatype.ANY_URI),
        (Measure, Datatype.FLOAT),
    ],
)
def test_literal_types(hint, datatype):
    assert described(hint).domain == LiteralDomain(datatype=datatype)


def test_choices():
    assert described(Literal["a", "b"]).domain == LiteralDomain(datatype=Datatype.STRING, values=("a", "b"))
    assert described(Literal[1, 2]).domain == LiteralDomain(datatype=Datatype.INTEGER, values=("1", "2"))
    assert described(Method, default=Method.CUBIC).domain == LiteralDomain(
        datatype=Datatype.STRING, values=("nearest", "cubic"), default="cubic"
    )
    assert described(Level).domain == LiteralDomain(datatype=Datatype.STRING, values=("LOW", "HIGH"))
    assert described(Annotated[str, Input(allowed=["x", "y"])]).domain.values == ("x", "y")


@pytest.mark.parametrize(
    ("note", "span"),
    [
        (Input(minimum=0, maximum=1), Range(minimum="0.0", maximum="1.0")),
        (Input(exclusive_minimum=0), Range(minimum="0.0", closure=Closure.OPEN_CLOSED)),
        (Input(minimum=0, exclusive_maximum=1), Range(minimum="0.0", maximum="1.0", closure=Closure.CLOSED_OPEN)),
        (
            Input(exclusive_minimum=0, exclusive_maximum=1),
            Range(minimum="0.0", maximum="1.0", closure=Closure.OPEN),
        ),
        (
            Input(minimum=0, maximum=1, closure="closed-open", spacing=0.1),
            Range(minimum="0.0", maximum="1.0", closure=Closure.CLOSED_OPEN, spacing="0.1"),
        ),
        (Input(allowed=[AllowedRange(1, 2)]), Range(minimum="1.0", maximum="2.0")),
    ],
)
def test_ranges(note, span):
    assert described(Annotated[float, note]).domain.ranges == (span,)


def test_values_and_ranges_mix():
    domain = described(Annotated[int, Input(allowed=[-1, AllowedRange(1, None, closure="open")])]).domain
    assert domain.values == ("-1",)
    assert domain.ranges == (Range(minimum="1", closure=Closure.OPEN),)


def test_ranges_of_dates_step_by_durations():
    note = Input(minimum=date(2024, 1, 1), spacing="P1M")
    assert described(Annotated[date, note]).domain.ranges == (Range(minimum="2024-01-01", spacing="P1M"),)


def test_units():
    assert described(Annotated[float, Input(unit="m")]).domain.units == ("m",)
    assert described(Annotated[Measure, Input(unit="m", units=["km", "m"])]).domain.units == ("m", "km")
    assert described(Annotated[float, Input(unit="m", units={"km": 1000}, minimum=0)]).domain.units == ("m", "km")


@pytest.mark.parametrize(
    ("hint", "occurs"),
    [
        (list[float], (1, None)),
        (tuple[float, ...], (1, None)),
        (list[float] | None, (0, None)),
        (Annotated[list[float], Input(min_occurs=2, max_occurs=5)], (2, 5)),
        (Annotated[list[float] | None, Input(max_occurs=5)], (0, 5)),
        (list[Annotated[float, Input(minimum=0)]], (1, None)),
        (float | None, (0, 1)),
        (list[Json], (1, None)),
    ],
)
def test_occurrences(hint, occurs):
    found = described(hint)
    assert (found.min_occurs, found.max_occurs) == occurs


def test_list_defaults_make_it_optional():
    found = described(list[int], default=[1, 2])
    assert (found.min_occurs, found.domain.default) == (0, None)


def test_boxes():
    assert described(BoundingBox).domain.crs[0] == "EPSG:4326"
    note = Input(crs=["EPSG:3035", "EPSG:4326"], dimensions=3)
    assert described(Annotated[BoundingBox, note]).domain == BoundingBoxDomain(
        crs=("EPSG:3035", "EPSG:4326"), dimensions=3
    )


@pytest.mark.parametrize("hint", [Json, dict, dict[str, Any], Json | None, dict | None])
def test_json_in_every_spelling(hint):
    assert described(hint).domain == ComplexDomain(formats=(JSON,))


def test_formats_of_files():
    assert described(File).domain.formats == (Format(media_type="application/octet-stream"),)
    given = Input(
        formats=["text/xml", Format(media_type="image/png", encoding="base64")], schema="http://s", encoding="UTF-8"
    )
    assert described(Annotated[File, given]).domain.formats == (
        Format(media_type="text/xml", schema="http://s", encoding="UTF-8"),
        Format(media_type="image/png", encoding="base64"),
    )
    chosen = Input(formats=["text/xml", "text/csv"], format="text/csv")
    assert [f.media_type for f in described(Annotated[File, chosen]).domain.formats] == ["text/csv", "text/xml"]


class Own:
    """A complex type of an author."""

    @classmethod
    def formats(cls):
        return (Format(media_type="text/a"), Format(media_type="text/b", schema="http://b"))

    @classmethod
    def receive(cls, path, format, workdir):
        return cls()

    @classmethod
    def deliver(cls, value, format, directory, name):
        return directory / name


def test_types_with_formats_of_their_own():
    assert described(Own).domain.formats == Own.formats()
    assert described(Annotated[Own, Input(format="text/b")]).domain.formats == Own.formats()[::-1]
    assert described(Annotated[Own, Input(formats=["text/b"])]).domain.formats == Own.formats()[1:]


@dataclass
class Several:
    count: Annotated[int, Output("How many", unit="1")]
    box: BoundingBox | None
    report: Annotated[Json, Output(id="the-report")]


class Typed(TypedDict):
    count: int


class Named(NamedTuple):
    count: int


def outputs_of(hint):
    def function():
        """Test.

        Args:
            count: How many. All of them.
        """

    function.__annotations__ = {"return": hint}
    return process(function).description.outputs


def test_several_outputs():
    count, box, report = outputs_of(Several)
    assert (count.id, count.title, count.abstract, count.min_occurs) == ("count", "How many", "All of them.", 1)
    assert (box.id, box.title, box.min_occurs) == ("box", "box", 0)
    assert (report.id, report.title) == ("the-report", "the-report")
    assert [output.title for output in outputs_of(Typed)] == ["How many"]
    assert [output.id for output in outputs_of(Named)] == ["count"]
    assert [output.id for output in outputs_of(BoundingBox)] == ["result"]


def test_texts_come_from_annotation_then_docstring_then_name():
    @process(
        translations={"fr": ("Titre", "Résumé"), "de": "Titel"}, metadata=[Metadata(title="More", href="http://m")]
    )
    def function(
        first: Annotated[int, Input("Given", translations={"fr": {"title": "Premier"}}, keywords=["k"])],
        second: int,
        third_one: int,
    ) -> int:
        """Do it.

        Args:
            first: Not used.
            second: The second. Comes
                after the first.

        Returns:
            All of it.
        """
        return 0

    found = function.description
    assert [item.title for item in found.inputs] == ["Given", "The second", "third one"]
    assert found.inputs[1].abstract == "Comes after the first."
    assert found.outputs[0].title == "All of it"
    assert found.translations == (
        Translation(language="fr", title="Titre", abstract="Résumé"),
        Translation(language="de", title="Titel"),
    )
    assert found.inputs[0].translations == (Translation(language="fr", title="Premier"),)
    assert found.inputs[0].keywords == ("k",)
    assert found.metadata[0].href == "http://m"


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (object, "object cannot be sent; use str"),
        (list[list[int]], "lists of lists cannot be sent; use Json"),
        (tuple[int, str], "a tuple is written tuple[X, ...]; use Json for a fixed number of items"),
        (int | str, "int | str: a parameter has one type; use Json for a choice of types"),
        (Annotated[float, Input(minimum="a")], "minimum='a' is wrong: 'a' is not a float"),
        (Annotated[int, Input(minimum=0.5)], "minimum=0.5 is wrong: 0.5 is not an int"),
        (Annotated[float, Input(minimum=2, maximum=1)], "minimum=2 is above maximum=1"),
        (Annotated[float, Input(minimum=2, exclusive_minimum=1)], "minimum and exclusive_minimum exclude each other"),
        (Annotated[float, Input(closure="open")], "closure needs minimum or maximum"),
        (Annotated[float, Input(minimum=0, closure="ajar")], "closure='ajar' is not one of closed, open"),
        (Annotated[float, Input(minimum=0, spacing=0)], "spacing=0 is not above zero"),
        (Annotated[date, Input(spacing="often")], "spacing='often' is not a duration such as P1D"),
        (Annotated[str, Input(minimum="a")], "a string has no range; list the allowed values"),
        (Annotated[str, Input(unit="m")], "only numbers have units"),
        (Annotated[float, Input(units=["km"])], "units needs unit, the default one"),
        (Annotated[float, Input(unit="m", units="km")], "units is a list of names"),
        (Annotated[float, Input(unit="m", units=["km"])], "annotate it as Measure, or give units as a mapping"),
        (Annotated[float, Input(unit="m", units={"km": 0})], "units: km: 0 is not a factor above zero"),
        (Annotated[float, Input(unit="m", units={"km": 1000}, maximum=5)], "bounds other than 0 depend on the unit"),
        (Annotated[Measure, Input(unit="m", units={"km": 1000})], "a Measure comes in the unit that the client chose"),
        (Annotated[float, Input(formats=["text/xml"])], "formats does not apply to literal data"),
        (Annotated[File, Input(minimum=0)], "minimum does not apply to complex data"),
        (Annotated[BoundingBox, Input(unit="m")], "unit does not apply to a bounding box"),
        (Annotated[BoundingBox, Input(dimensions=4)], "dimensions=4 is neither 2 nor 3"),
        (Annotated[BoundingBox, Input(crs=[])], "crs is a list of names"),
        (Annotated[File, Input(formats="text/xml")], "formats is a list"),
        (Annotated[File, Input(formats=["GeoJSON"])], "'GeoJSON' is not a media type"),
        (Annotated[File, Input(formats=["text/a"], format="text/b")], "default format text/b is not among formats"),
        (Annotated[File, Input(max_size="big")], "'big' is not a size such as 512MiB"),
        (Annotated[Json, Input(formats=["text/xml"])], "text/xml is not JSON; use File"),
        (Annotated[Json, Input(json_schema={"$ref": "http://x"})], "leads outside the schema"),
        (Annotated[Own, Input(formats=["text/c"])], "format text/c is not supported. Allowed: text/a"),
        (Annotated[int, Output("x")], "an input is annotated with Input(...), not Output(...)"),
        (Annotated[int, Input], "write Input(), with parentheses"),
        (Annotated[Annotated[int, Input("a")] | None, Input("b")], "it is annotated twice"),
        (Annotated[int, Input(min_occurs=2)], "min_occurs and max_occurs need list[...]"),
        (Annotated[list[int], Input(min_occurs=3, max_occurs=2)], "min_occurs=3 and max_occurs=2 do not go together"),
        (Annotated[int, Input(id="a b")], "id='a b' has characters other than letters, digits"),
        (Annotated[int, Input(keywords="k")], "keywords is a list of texts"),
        (Annotated[int, Input(metadata=["m"])], "metadata is a list of Metadata"),
        (Annotated[int, Input(translations={"fr": 1})], "translations: fr: write it as a title"),
        (Literal["a", 1], "mixes types"),
        (Annotated[Literal["a"], Input(minimum="a")], "minimum does not apply to a list of choices"),
    ],
)
def test_errors_name_process_parameter_and_mend(hint, text):
    with pytest.raises(DeclarationError) as raised:
        described(hint)
    assert str(raised.value).startswith("process function: parameter value: ")
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("hint", "default", "text"),
    [
        (int, None, "with default None the type is written X | None"),
        (int, "3", "the default is wrong: '3' is not an int"),
        (Annotated[int, Input(minimum=1)], 0, "the default 0 is outside the allowed values"),
        (Literal["a"], "b", "the default is wrong: 'b' is not one of a"),
        (list[int], ["a"], "the default is wrong: 'a' is not an int"),
        (File, "x", "only literal inputs have defaults other than None"),
    ],
)
def test_wrong_defaults(hint, default, text):
    with pytest.raises(DeclarationError, match="parameter value: ") as raised:
        described(hint, default=default)
    assert text in str(raised.value)


async def coroutine() -> int: ...


def generator() -> int:
    yield 1


def untyped(a) -> int: ...


def voiceless(a: int): ...


def variadic(*a: int) -> int: ...


def two_jobs(a: Job, b: Job) -> int: ...


def same(a: Annotated[int, Input(id="x")], X: int) -> int: ...  # noqa: N803


def listed() -> list[int]: ...


def unresolved(a: "Nowhere") -> int: ...  # noqa: F821


def wrong_note() -> Annotated[int, Input()]: ...


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (coroutine, "it is async; write def"),
        (generator, "it is a generator; report progress with job.progress"),
        (untyped, "parameter a: its type annotation is missing"),
        (voiceless, "the return annotation is missing"),
        (variadic, "parameter a: inputs are passed by name"),
        (two_jobs, "parameter b: there is a Job already: a"),
        (same, "two inputs have the id x"),
        (listed, "return value: an output occurs once; use Json for a list"),
        (unresolved, "annotation: name 'Nowhere' is not defined"),
        (wrong_note, "return value: an output is annotated with Output(...)"),
    ],
)
def test_wrong_functions(function, text):
    with pytest.raises(DeclarationError) as raised:
        process(function)
    assert f"process {function.__name__}: {text}" in str(raised.value)


def test_only_functions_are_processes():
    with pytest.raises(DeclarationError, match="only a function"):
        process(3)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"titel": "x"}, "unknown option titel"),
        ({"id": "a/b"}, "id='a/b' has characters other than"),
        ({"limits": {"memory": 1}}, "limits is written Limits("),
        ({"limits": Limits(memory="much")}, "limits: memory: 'much' is not a size"),
        ({"limits": Limits(time="soon")}, "limits: time: 'soon' is not a time"),
        ({"limits": Limits(cpus=0)}, "limits: cpus: 0 is not a number above zero"),
        ({"limits": Limits(processes=1.5)}, "limits: processes: 1.5 is not a whole number"),
        ({"parallel": 0}, "parallel=0 is not a count above zero"),
        ({"job_control": ["later"]}, "job_control: 'later'"),
    ],
)
def test_wrong_options(options, text):
    def function() -> int: ...

    with pytest.raises(DeclarationError) as raised:
        process(**options)(function)
    assert text in str(raised.value)


def test_limits_in_units():
    limits = Limits(memory="1GiB", time="1h", cpus=2, cpu_time=30, queue_time="1d", processes=4, open_files=64)
    more = Limits(file_size="1MiB", output_size=10, outputs=3, scratch="2GiB", log_size="64KiB")
    assert limits.in_units() == ModelLimits(
        memory=2**30, run_time=3600, cpus=2, cpu_time=30, queue_time=86400, processes=4, open_files=64
    )
    assert more.in_units() == ModelLimits(file_size=2**20, output_size=10, outputs=3, scratch=2**31, log_size=65536)
