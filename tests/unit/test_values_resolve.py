"""Requests against descriptions: occurrences, defaults, kinds of data, outputs."""

import pytest

from cloche.model.data import BoundingBoxData, ComplexData, Input, LiteralData, ReferenceData
from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Datatype, LiteralDomain
from cloche.model.errors import (
    BadRequest,
    MissingInput,
    NoSuchFormat,
    NoSuchInput,
    NoSuchOutput,
    SizeExceeded,
    TooManyInputs,
    WrongInputData,
)
from cloche.model.execute import Execute, Mode, OutputRequest, Response
from cloche.model.formats import Format
from cloche.model.process import Parameter, ProcessDescription
from cloche.values.resolve import resolve

JSON = Format(media_type="application/geo+json")
GML = Format(media_type="text/xml; subtype=gml/3.1.1", schema="http://schemas.opengis.net/gml.xsd")
TIFF = Format(media_type="image/tiff", encoding="base64")
FEATURES = ComplexDomain(formats=(JSON, GML, TIFF), max_bytes=1000)

BUFFER = ProcessDescription(
    id="buffer",
    version="1.0",
    title="Buffer",
    inputs=(
        Parameter(id="features", title="Features", domain=FEATURES),
        Parameter(
            id="distance",
            title="Distance",
            domain=LiteralDomain(datatype=Datatype.FLOAT, units=("metre", "foot"), default="10"),
        ),
        Parameter(id="tag", title="Tag", domain=LiteralDomain(datatype=Datatype.STRING), min_occurs=0, max_occurs=2),
        Parameter(id="extent", title="Extent", domain=BoundingBoxDomain(crs=("EPSG:4326",)), min_occurs=0),
    ),
    outputs=(
        Parameter(id="grown", title="Grown", domain=FEATURES),
        Parameter(id="area", title="Area", domain=LiteralDomain(datatype=Datatype.FLOAT, units=("m2",))),
        Parameter(id="extent", title="Extent", domain=BoundingBoxDomain(crs=("EPSG:4326",))),
    ),
)


def features(format=JSON, size=10):
    return Input(id="features", data=ComplexData(file="1", format=format, size=size))


def literal(id, value, **rest):
    return Input(id=id, data=LiteralData(value=value, **rest))


def ask(*inputs, max_input_bytes=None, **rest):
    return resolve(BUFFER, Execute(process="buffer", inputs=inputs, **rest), max_input_bytes=max_input_bytes)


def test_defaults_are_filled_in_and_the_order_is_kept():
    resolved = ask(literal("tag", "b"), features(), literal("tag", "a"), mode=Mode.ASYNC, lineage=True)
    assert [item.id for item in resolved.inputs] == ["tag", "features", "tag", "distance"]
    assert [item.data.value for item in resolved.inputs if item.id == "tag"] == ["b", "a"]
    assert resolved.inputs[3].data == LiteralData(value="10.0", datatype="double", uom="metre")
    assert resolved.mode is Mode.ASYNC
    assert resolved.lineage


def test_a_resolved_request_resolves_to_itself():
    resolved = ask(features(GML), literal("distance", "5", uom="foot"))
    assert resolve(BUFFER, resolved, max_input_bytes=None) == resolved


def test_occurrences_are_counted():
    with pytest.raises(NoSuchInput, match="features, distance, tag, extent") as unknown:
        ask(features(), literal("Tag", "a"))
    assert unknown.value.locator == "Tag"
    with pytest.raises(MissingInput, match="Input features is missing") as missing:
        ask()
    assert missing.value.locator == "features"
    with pytest.raises(TooManyInputs, match="at most 2 values; 3 given") as many:
        ask(features(), *(literal("tag", t) for t in "abc"))
    assert many.value.locator == "tag"


def test_too_few_of_many_are_missing():
    description = ProcessDescription(
        id="p", version="1", title="P", outputs=BUFFER.outputs,
        inputs=(Parameter(id="n", title="N", domain=LiteralDomain(datatype=Datatype.INTEGER, default="1"),
                          min_occurs=2, max_occurs=None),),
    )  # fmt: skip
    many = Execute(process="p", inputs=tuple(literal("n", str(n)) for n in range(50)))
    assert len(resolve(description, many, max_input_bytes=None).inputs) == 50
    assert len(resolve(description, Execute(process="p"), max_input_bytes=None).inputs) == 1
    with pytest.raises(MissingInput, match="at least 2 values; 1 given"):
        resolve(description, Execute(process="p", inputs=(literal("n", "1"),)), max_input_bytes=None)


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (Input(id="features", data=LiteralData(value="{}")), "complex data: application/geo"),
        (Input(id="distance", data=ComplexData(file="1", format=JSON, size=1)), "literal value of type double"),
        (Input(id="extent", data=LiteralData(value="1,2,3,4")), "bounding box"),
        (Input(id="extent", data=ReferenceData(href="http://a/", format=JSON)), "bounding box"),
    ],
)
def test_the_kind_of_data_is_the_parameters(item, kind):
    with pytest.raises(WrongInputData, match=kind) as caught:
        ask(*([features()] if item.id != "features" else []), item)
    assert caught.value.locator == item.id


def test_values_are_checked_with_their_locator():
    with pytest.raises(WrongInputData) as caught:
        ask(features(), literal("distance", "far"))
    assert caught.value.locator == "distance"
    with pytest.raises(WrongInputData):
        ask(features(), Input(id="extent", data=BoundingBoxData(lower=(1.0,), upper=(2.0,))))
    with pytest.raises(NoSuchFormat) as caught:
        ask(features(Format(media_type="image/png")))
    assert caught.value.locator == "features"


def test_complex_inputs_get_their_full_format():
    resolved = ask(features(Format(media_type="text/xml")))
    assert resolved.inputs[0].data.format == GML
    resolved = ask(features(Format(media_type="", encoding="base64")))
    assert resolved.inputs[0].data.format == Format(media_type=JSON.media_type, encoding="base64")


def reference(**rest):
    return Input(id="features", data=ReferenceData(**({"href": "http://example.org/a", "format": JSON} | rest)))


def test_references_are_encoded_only_where_the_client_says_so():
    plain = ask(reference(format=Format(media_type="image/tiff"))).inputs[0].data
    assert plain.format == Format(media_type="image/tiff")
    encoded = ask(reference(format=Format(media_type="image/tiff", encoding="Base64"))).inputs[0].data
    assert encoded.format.encoding == "base64"


def test_references_are_complete():
    for wrong in ({"href": " "}, {"method": "PUT"}, {"body": "b"}, {"body_href": "http://a/"}):
        with pytest.raises(WrongInputData):
            ask(reference(**wrong))
    assert ask(reference(method="POST", body="b"))


def test_a_literal_may_be_a_reference():
    item = Input(id="distance", data=ReferenceData(href="http://a/", format=Format(media_type="")))
    assert ask(features(), item).inputs[1] == item


def test_sizes_are_capped_by_the_stricter_limit():
    assert ask(features(size=1000))
    with pytest.raises(SizeExceeded, match="larger than the allowed 1000 bytes") as caught:
        ask(features(size=1001))
    assert caught.value.locator == "features"
    with pytest.raises(SizeExceeded, match="100 bytes"):
        ask(features(size=101), max_input_bytes=100)
    with pytest.raises(SizeExceeded):
        ask(features(), literal("tag", "é" * 60), max_input_bytes=100)


def test_no_outputs_means_all_in_default_formats():
    assert ask(features()).outputs == (
        OutputRequest(id="grown", format=JSON),
        OutputRequest(id="area", uom="m2"),
        OutputRequest(id="extent"),
    )


def test_outputs_keep_what_was_asked_of_them():
    wanted = OutputRequest(id="grown", format=Format(media_type="text/xml"), as_reference=True, title="Mine")
    resolved = ask(features(), outputs=(wanted,))
    assert resolved.outputs == (OutputRequest(id="grown", format=GML, as_reference=True, title="Mine"),)


@pytest.mark.parametrize(
    ("outputs", "error", "locator"),
    [
        ([OutputRequest(id="none")], NoSuchOutput, "none"),
        ([OutputRequest(id="grown"), OutputRequest(id="grown")], BadRequest, "grown"),
        ([OutputRequest(id="grown", format=Format(media_type="image/png"))], NoSuchFormat, "grown"),
        ([OutputRequest(id="area", uom="km2")], BadRequest, "area"),
    ],
)
def test_wrong_outputs_are_refused(outputs, error, locator):
    with pytest.raises(error) as caught:
        ask(features(), outputs=tuple(outputs))
    assert caught.value.locator == locator


def test_a_raw_response_has_one_output():
    assert len(ask(features(), outputs=(OutputRequest(id="area"),), response=Response.RAW).outputs) == 1
    for outputs in ((), (OutputRequest(id="area"), OutputRequest(id="grown"))):
        with pytest.raises(BadRequest, match="exactly one"):
            ask(features(), outputs=outputs, response=Response.RAW)
