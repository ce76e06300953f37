import pytest

from cloche.authoring.mediatypes import media_type_of, suffix_of


@pytest.mark.parametrize(
    ("media_type", "suffix"),
    [
        ("application/geo+json", ".geojson"),
        ("image/tiff; application=geotiff", ".tif"),
        ("text/xml; subtype=gml/3.1.1", ".gml"),
        ("text/xml", ".xml"),
        ("TEXT/CSV", ".csv"),
        ("application/problem+json", ".json"),
        ("application/vnd.ogc.something+xml", ".xml"),
        ("text/unheard-of", ".txt"),
        ("unheard/of", ".bin"),
        ("", ".bin"),
    ],
)
def test_suffixes(media_type, suffix):
    assert suffix_of(media_type) == suffix


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a/b.geojson", "application/geo+json"),
        ("x.TIF", "image/tiff"),
        ("x.zip", "application/zip"),
        ("x.xml", "text/xml"),
        ("x", "application/octet-stream"),
    ],
)
def test_media_types(name, media_type):
    assert media_type_of(name) == media_type
