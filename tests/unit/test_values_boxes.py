"""Bounding boxes: dimensions, reference systems, order of the corners."""

import pytest

from cloche.model.data import BoundingBoxData
from cloche.model.domains import BoundingBoxDomain
from cloche.model.errors import WrongInputData
from cloche.values import boxes, crs

DOMAIN = BoundingBoxDomain(crs=("EPSG:4326", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:31256"))


def check(lower, upper, system="", domain=DOMAIN):
    return boxes.check(BoundingBoxData(lower=lower, upper=upper, crs=system), domain, "extent")


@pytest.mark.parametrize(
    "spelling",
    [
        "EPSG:4326",
        "epsg:4326",
        " EPSG:4326 ",
        "[EPSG:4326]",
        "urn:ogc:def:crs:EPSG::4326",
        "urn:ogc:def:crs:EPSG:6.6:4326",
        "urn:ogc:def:crs:EPSG:4326",
        "urn:x-ogc:def:crs:EPSG:4326",
        "urn:ogc:crs:EPSG:6.3:4326",
        "http://www.opengis.net/def/crs/EPSG/0/4326",
        "https://www.opengis.net/def/crs/EPSG/9.9.1/4326",
        "http://www.opengis.net/gml/srs/epsg.xml#4326",
    ],
)
def test_spellings_of_a_system_are_equal_and_come_out_as_the_domain_has_them(spelling):
    assert check((46.0, 102.0), (47.0, 103.0), spelling).crs == "EPSG:4326"


@pytest.mark.parametrize("spelling", ["OGC:CRS84", "CRS:84", "urn:ogc:def:crs:OGC:1.3:CRS84"])
def test_spellings_of_crs84(spelling):
    assert check((0.0, 0.0), (1.0, 1.0), spelling).crs == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert crs.name(spelling) != crs.name("EPSG:4326")


def test_no_system_means_the_default():
    assert check((46.0, 102.0), (47.0, 103.0)).crs == "EPSG:4326"


@pytest.mark.parametrize("spelling", ["EPSG:3857", "EPSG:43260", "ESRI:4326", "4326", "urn:ogc:def:crs:EPSG::", "\x00"])
def test_other_systems_are_refused_and_the_supported_named(spelling):
    with pytest.raises(WrongInputData, match=r"EPSG:4326, http.*CRS84, EPSG:31256") as caught:
        check((0.0, 0.0), (1.0, 1.0), spelling)
    assert caught.value.locator == "extent"
    assert caught.value.text.isprintable()


def test_the_corners_have_the_dimensions_of_the_domain():
    spatial = BoundingBoxDomain(crs=("EPSG:4979",), dimensions=3)
    assert check((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), domain=spatial).upper == (1.0, 1.0, 1.0)
    for lower, upper in [((0.0,), (1.0,)), ((0.0, 0.0), (1.0,)), ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), ((), ())]:
        with pytest.raises(WrongInputData, match="2 coordinates"):
            check(lower, upper)


def test_corners_are_in_order_except_over_the_antimeridian():
    assert check((1.0, 1.0), (1.0, 1.0))
    assert check((-10.0, 170.0), (10.0, -170.0))  # latitude first
    assert check((170.0, -10.0), (-170.0, 10.0), "OGC:CRS84")  # longitude first
    for lower, upper, system in [
        ((10.0, 0.0), (-10.0, 1.0), "EPSG:4326"),
        ((0.0, 10.0), (1.0, -10.0), "OGC:CRS84"),
        ((2.0, 0.0), (1.0, 1.0), "EPSG:31256"),
        ((0.0, 2.0), (1.0, 1.0), "EPSG:31256"),
    ]:
        with pytest.raises(WrongInputData, match="lower corner exceeds"):
            check(lower, upper, system)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_coordinates_are_finite(number):
    with pytest.raises(WrongInputData, match="finite"):
        check((0.0, 0.0), (1.0, number))


def test_a_corner_is_read_from_text():
    assert boxes.corner(" 46 102.5\n", "extent") == (46.0, 102.5)
    assert boxes.corner("46,-1e2", "extent") == (46.0, -100.0)
    assert boxes.corner("", "extent") == ()
    with pytest.raises(WrongInputData, match="list of numbers"):
        boxes.corner("46 abc", "extent")
