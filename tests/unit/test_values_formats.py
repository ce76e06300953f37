"""Which supported format a client means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.model.errors import NoSuchFormat
from cloche.model.formats import Format
from cloche.values import formats

GML = Format(media_type="text/xml; subtype=gml/3.1.1", schema="http://schemas.opengis.net/gml/3.1.1/base/gml.xsd")
GML2 = Format(media_type="text/xml; subtype=gml/2.1.2", schema="http://schemas.opengis.net/gml/2.1.2/feature.xsd")
JSON = Format(media_type="application/geo+json", encoding="UTF-8")
TIFF = Format(media_type="image/tiff", encoding="base64")
RAW_TIFF = Format(media_type="image/tiff")
SUPPORTED = (GML, GML2, JSON, RAW_TIFF, TIFF)


def match(media_type="", encoding="", schema="", supported=SUPPORTED):
    wanted = Format(media_type=media_type, encoding=encoding, schema=schema)
    return formats.match(wanted, supported, "data")


def test_nothing_asked_means_the_default():
    assert formats.match(None, SUPPORTED, "data") == GML
    assert match() == GML
    assert match(" ", " ", " ") == GML


@pytest.mark.parametrize(
    ("media_type", "found"),
    [
        ("text/xml; subtype=gml/2.1.2", GML2),
        ("TEXT/XML;Subtype=GML/2.1.2", GML2),
        ('text/xml; subtype="gml/2.1.2"; charset=utf-8', GML2),
        ("text/xml", GML),
        ("application/geo+json; charset=utf-8", JSON),
        ("image/tiff", RAW_TIFF),
    ],
)
def test_media_types_match_by_meaning(media_type, found):
    assert match(media_type) == found


def test_an_exact_media_type_goes_before_a_looser_one():
    plain = Format(media_type="text/xml")
    assert match("text/xml", supported=(GML, plain)) == plain
    assert match("text/xml; subtype=gml/3.1.1", supported=(plain, GML)) == GML


def test_the_schema_decides_where_it_is_given():
    assert match("text/xml", schema=GML2.schema) == GML2
    assert match(schema=GML2.schema) == GML2
    with pytest.raises(NoSuchFormat):
        match("image/tiff", schema=GML2.schema)


def test_encodings():
    assert match("image/tiff", "base64") == TIFF
    assert match("image/tiff", "BASE64") == TIFF
    assert match("application/geo+json", "utf-8") == JSON
    assert match("text/xml", "UTF-8") == GML
    assert match("application/geo+json", "base64") == Format(media_type="application/geo+json", encoding="base64")
    with pytest.raises(NoSuchFormat):
        match("application/geo+json", "gzip")


def test_the_refusal_names_what_is_supported():
    with pytest.raises(NoSuchFormat) as caught:
        match("image/png", "hex", supported=(JSON, TIFF))
    assert caught.value.locator == "data"
    assert caught.value.text == (
        "data: format image/png, encoding hex is not supported. "
        "Allowed: application/geo+json, encoding UTF-8; image/tiff, encoding base64."
    )


def test_parameters_of_the_client_are_not_ignored():
    with pytest.raises(NoSuchFormat):
        match("text/xml; subtype=gml/3.2.1")


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_any_text_is_matched_or_refused(media_type, encoding, schema):
    try:
        found = match(media_type, encoding, schema)
    except NoSuchFormat:
        return
    assert found.media_type in {known.media_type for known in SUPPORTED}
