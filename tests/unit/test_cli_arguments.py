"""Suffixes of files on the command line choose formats, or are refused."""

import click
import pytest

from cloche.app.cli import arguments
from cloche.model.domains import ComplexDomain
from cloche.model.formats import Format
from cloche.model.process import Parameter, ProcessDescription


def description(*media_types: str) -> ProcessDescription:
    domain = ComplexDomain(formats=tuple(Format(media_type=one) for one in media_types))
    return ProcessDescription(
        id="p", title="P", version="1", inputs=(), outputs=(Parameter(id="result", title="Result", domain=domain),)
    )


VECTOR = ("application/geo+json", "application/x-zipped-shp", "application/geopackage+sqlite3")


@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        ("out.gpkg", "application/geopackage+sqlite3"),
        ("OUT.GEOJSON", "application/geo+json"),
        ("out.json", "application/geo+json"),
        ("out.zip", "application/x-zipped-shp"),
        ("out", "application/geo+json"),
        (".zip/out", "application/geo+json"),
    ],
)
def test_a_suffix_chooses_the_format(path: str, chosen: str) -> None:
    request, _ = arguments.outputs(description(*VECTOR), (f"result={path}",))["result"]
    assert request.format is not None
    assert request.format.media_type == chosen


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("out.shp", "output result: .shp is several files; they come in one out.zip"),
        ("out.foo", "output result is not offered as .foo; there are: .geojson, .zip, .gpkg"),
        ("out.tif", "output result is not offered as .tif"),
    ],
)
def test_a_suffix_of_no_format_is_refused(path: str, words: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        arguments.outputs(description(*VECTOR), (f"result={path}",))
    assert words in refused.value.message


def test_what_has_no_known_suffix_may_have_any() -> None:
    request, _ = arguments.outputs(description("application/x-own"), ("result=out.own",))["result"]
    assert request.format == Format(media_type="application/x-own")
