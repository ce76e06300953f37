"""Coordinates that are no numbers: GDAL would take them for zeros."""

import pytest

from cloche.authoring.errors import WrongData
from cloche.authoring.wellformed import read_xml

GML = '<a xmlns:gml="http://www.opengis.net/gml"><gml:Point>{}</gml:Point><b>any text</b></a>'


def read(tmp_path, inside):
    file = tmp_path / "a.gml"
    file.write_text(GML.format(inside))
    return read_xml(file)


@pytest.mark.parametrize(
    "inside",
    [
        "<gml:pos>1 2</gml:pos>",
        "<gml:pos>\n -1.5e-3\t+2E7 </gml:pos>",
        "<gml:posList>0 0 1 1</gml:posList>",
        "<gml:posList/>",
        "<gml:coordinates>1,2 3,4</gml:coordinates>",
        '<gml:coordinates cs=";" ts="|">1;2|3;4</gml:coordinates>',
        "<gml:pos>1<!-- between --> 2</gml:pos>",
        "<pos>north</pos><c:coordinates xmlns:c='urn:c'>unknown</c:coordinates>",
    ],
)
def test_numbers_pass(tmp_path, inside):
    assert read(tmp_path, inside).name == "a"


def test_coordinates_of_kml_are_numbers_too(tmp_path):
    file = tmp_path / "a.kml"
    file.write_text('<kml xmlns="http://www.opengis.net/kml/2.2"><Point><coordinates>x,y</coordinates></Point></kml>')
    with pytest.raises(WrongData, match="'x' among the coordinates"):
        read_xml(file)


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<gml:pos>a b</gml:pos>", "'a' among the coordinates"),
        ("<gml:pos>1 nan</gml:pos>", "'nan' among the coordinates"),
        ("<gml:pos></gml:pos>", "without coordinates"),
        ("<gml:pos> </gml:pos>", "without coordinates"),
        ("<gml:coordinates>1;2</gml:coordinates>", "';' among the coordinates"),
        ("<gml:posList>\n0 0\n1 x</gml:posList>", "line 3: 'x'"),
    ],
)
def test_words_are_refused_with_their_place(tmp_path, inside, why):
    with pytest.raises(WrongData, match=why):
        read(tmp_path, inside)
