"""docs/formats.md says of every format what the code says."""

from pathlib import Path

import pytest

from cloche.authoring.raster_formats import RASTER_FORMATS
from cloche.authoring.vector_formats import VECTOR_FORMATS

ROWS = [
    line for line in (Path(__file__).parents[2] / "docs/formats.md").read_text().splitlines() if line.startswith("| ")
]


@pytest.mark.parametrize("kind", [*VECTOR_FORMATS, *RASTER_FORMATS], ids=lambda kind: kind.id)
def test_the_row_of_a_format_names_its_media_types(kind):
    (row,) = [line for line in ROWS if line.startswith(f"| {kind.title} |")]
    named = [cell.strip() for cell in row.split("|")][2:4]
    assert named[0] == f"`{kind.format.media_type}`"
    assert named[1] == ", ".join(f"`{alias.media_type}`" for alias in kind.aliases)
