"""Vector: what comes in is checked, what goes out is what was asked for."""

import json
import re
import shutil
import warnings
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from lxml import etree
from shapely.geometry import GeometryCollection, LineString, MultiPoint, Point, Polygon, box

from cloche.authoring.errors import ProcessError, WrongData
from cloche.authoring.vector import Vector
from cloche.authoring.vector_formats import (
    CSV,
    FLATGEOBUF,
    GEOJSON,
    GEOPACKAGE,
    GML2,
    GML31,
    GML32,
    KML,
    SHAPEFILE,
    VECTOR_FORMATS,
    VectorFormat,
)
from cloche.model.formats import Format

COUNTRIES = Path(pyogrio.__file__).parent / "tests/fixtures/naturalearth_lowres/naturalearth_lowres.shp"
EVERY = pytest.mark.parametrize("kind", VECTOR_FORMATS, ids=lambda kind: kind.id)


@pytest.fixture(scope="module")
def countries() -> gpd.GeoDataFrame:
    return gpd.read_file(COUNTRIES).query("continent == 'South America'")


def receive(path: Path, kind: VectorFormat | str, workdir: Path) -> Vector:
    wanted = kind.format if isinstance(kind, VectorFormat) else Format(media_type=kind)
    return Vector.receive(path, wanted, workdir)


def refused(tmp_path: Path, kind: VectorFormat, content: bytes | str) -> str:
    path = tmp_path / "input"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(WrongData) as caught:
        receive(path, kind, tmp_path)
    assert str(tmp_path) not in caught.value.text
    return caught.value.text


@EVERY
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32719", "EPSG:3857"])
def test_every_format_brings_back_what_was_written(kind, crs, countries, tmp_path):
    sent = countries.to_crs(crs)
    path = Vector.deliver(sent, kind.format, tmp_path, "result")

    assert path == tmp_path / f"result{kind.suffix}"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    vector = receive(path, kind, tmp_path)
    back = vector.gdf()
    assert len(back) == len(vector) == len(sent)
    assert back.crs.equals("EPSG:4326" if kind.wgs84 else crs, ignore_axis_order=True)
    assert sorted(back["name"]) == sorted(sent["name"])
    assert back["pop_est"].astype(float).sum() == pytest.approx(sent["pop_est"].sum())
    assert {"pop_est", "continent", "name", "iso_a3", "gdp_md_est", "geometry"} >= set(back.columns) - {"gml_id", "fid"}
    there, here = sent.set_index("name").geometry, back.to_crs(crs).set_index("name").geometry
    assert (shapely.hausdorff_distance(here, there[here.index]) < (1e-6 if crs == "EPSG:4326" else 0.1)).all()
    assert vector.bounds == pytest.approx(tuple(back.total_bounds), rel=1e-6)


@EVERY
def test_an_empty_result_is_a_valid_file_of_the_asked_format(kind, countries, tmp_path):
    path = Vector.deliver(countries.head(0), kind.format, tmp_path, "nothing")

    vector = receive(path, kind, tmp_path)
    assert len(vector) == 0
    assert len(vector.gdf()) == 0


@EVERY
@pytest.mark.parametrize("name", ["gpkg_result", "sqlite", "1st.part-2", "größe"])
def test_outputs_may_have_any_name(name, kind, countries, tmp_path):
    path = Vector.deliver(countries, kind.format, tmp_path, name)
    assert path.name == f"{name}{kind.suffix}"
    assert len(receive(path, kind, tmp_path)) == len(countries)


@EVERY
def test_every_alias_is_the_same_format(kind, countries, tmp_path):
    for alias in kind.aliases:
        path = Vector.deliver(countries, alias, tmp_path, "result")
        assert len(receive(path, alias.media_type.upper(), tmp_path)) == len(countries)


def test_the_first_format_is_geojson_and_all_are_told_apart():
    formats = Vector.formats()
    assert formats[0] == Format(media_type="application/geo+json")
    assert len(set(formats)) == len(formats) >= len(VECTOR_FORMATS)


@pytest.mark.parametrize("source", VECTOR_FORMATS, ids=lambda kind: kind.id)
@EVERY
def test_whatever_came_in_can_go_out_in_any_format(source, kind, countries, tmp_path):
    came = receive(Vector.deliver(countries, source.format, tmp_path, "first"), source, tmp_path)
    back = receive(Vector.deliver(came, kind.format, tmp_path, "second"), kind, tmp_path)
    assert sorted(back.gdf()["name"]) == sorted(countries["name"])
    assert back.gdf().crs.equals("EPSG:4326", ignore_axis_order=True)


def test_geojson_is_rfc_7946(countries, tmp_path):
    path = Vector.deliver(countries.to_crs(3857), GEOJSON.format, tmp_path, "r")
    document = json.loads(path.read_text())
    assert document.keys() == {"type", "bbox", "features"} or document.keys() == {"type", "features"}
    ring = shapely.geometry.shape(document["features"][0]["geometry"])
    outer = ring.geoms[0] if hasattr(ring, "geoms") else ring
    assert outer.exterior.is_ccw
    assert -90 <= outer.bounds[1] <= 90


@pytest.mark.parametrize(
    ("kind", "namespace", "order"),
    [
        (GML2, "http://www.opengis.net/gml", "xy"),
        (GML31, "http://www.opengis.net/gml", "yx"),
        (GML32, "http://www.opengis.net/gml/3.2", "yx"),
    ],
)
def test_gml_versions_differ_in_namespace_and_axis_order(kind, namespace, order, tmp_path):
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[Point(8, 52)], crs=4326)
    text = Vector.deliver(frame, kind.format, tmp_path, "r").read_text()
    assert f'"{namespace}"' in text
    assert ("8,52" if order == "xy" else "52 8") in text
    assert re.search(r"schemaLocation=\"\S+ http:..schemas.opengis.net.gml", text)


def test_a_process_may_return_a_path_bytes_a_series_or_the_input_itself(countries, tmp_path):
    written = tmp_path / "own.gpkg"
    countries.to_file(written)
    shapes = tmp_path / "shapes"
    shapes.mkdir()
    countries.to_file(shapes / "own.shp")
    values = [written, str(written), written.read_bytes(), countries.geometry, shapes / "own.shp", countries]
    for number, value in enumerate(values):
        path = Vector.deliver(value, GEOJSON.format, tmp_path, f"r{number}")
        assert len(json.loads(path.read_text())["features"]) == len(countries)
    same = Vector.deliver(receive(written, GEOPACKAGE, tmp_path), GEOPACKAGE.format, tmp_path, "same")
    assert same.read_bytes() == written.read_bytes()
    with pytest.raises(ProcessError, match="returned int"):
        Vector.deliver(42, GEOJSON.format, tmp_path, "no")


@pytest.mark.parametrize("kind", [GML31, GML32, GML2, KML])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.999])
def test_truncated_xml_does_not_pass_as_fewer_features(kind, share, countries, tmp_path):
    whole = Vector.deliver(countries, kind.format, tmp_path, "whole").read_bytes()
    assert "not well-formed" in refused(tmp_path, kind, whole[: int(len(whole) * share)])


@pytest.mark.parametrize("kind", [GEOJSON, GEOPACKAGE, SHAPEFILE, FLATGEOBUF])
def test_other_truncated_files_are_refused(kind, countries, tmp_path):
    whole = Vector.deliver(countries, kind.format, tmp_path, "whole").read_bytes()
    assert refused(tmp_path, kind, whole[: len(whole) // 2])


@EVERY
@pytest.mark.parametrize("content", [b"", b"   \n", b"<html><body>404</body></html>", b"\0" * 1000, b"Not found"])
def test_what_is_something_else_is_refused(kind, content, tmp_path):
    assert refused(tmp_path, kind, content)


# text is always a table of something, and GML versions share their driver
CONFUSED = [(a, b) for a in VECTOR_FORMATS for b in VECTOR_FORMATS if a.drivers != b.drivers and CSV not in (a, b)]


@pytest.mark.parametrize(("kind", "actual"), CONFUSED, ids=lambda kind: kind.id)
def test_a_file_of_another_format_is_refused(kind, actual, countries, tmp_path):
    content = Vector.deliver(countries, actual.format, tmp_path, "other").read_bytes()
    assert refused(tmp_path, kind, content)


def test_a_doctype_is_refused(tmp_path):
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    assert refused(tmp_path, GML31, bomb) == "a DOCTYPE is not accepted"


def test_an_exception_report_is_not_an_empty_collection(tmp_path):
    report = '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows" xmlns:gml="http://www.opengis.net/gml"/>'
    assert "exception report" in refused(tmp_path, GML31, report)


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "feature 2: .*closed"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0]]]}, "feature 2"),
        ({"type": "Point", "coordinates": [500000, 5900000]}, "no longitudes and latitudes"),
        ({"type": "LineString", "coordinates": [[0, 0]]}, "feature 2"),
    ],
)
def test_broken_geometries_are_named(geometry, reason, tmp_path):
    good = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [0, 0]}}
    document = {"type": "FeatureCollection", "features": [good, good | {"geometry": geometry}]}
    text = refused(tmp_path, GEOJSON, json.dumps(document))
    assert re.search(reason, text), text


def test_files_that_point_elsewhere_are_not_followed(countries, tmp_path):
    countries.to_file(tmp_path / "secret.gpkg")
    vrt = f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{tmp_path}/secret.gpkg</SrcDataSource>'
    vrt += "</OGRVRTLayer></OGRVRTDataSource>"
    polyglot = vrt.replace("<OGRVRTDataSource>", '<OGRVRTDataSource xmlns:gml="http://www.opengis.net/gml">')
    pipeline = {"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {tmp_path}/secret.gpkg"}
    for kind, content in [(GML31, vrt), (GML31, polyglot), (GEOJSON, json.dumps(pipeline)), (CSV, vrt)]:
        path = tmp_path / "input"
        path.write_text(content)
        try:
            vector = receive(path, kind, tmp_path)
        except WrongData:
            continue
        assert len(vector) <= 1
        assert "Brazil" not in vector.gdf().to_csv()


def test_a_comment_cannot_turn_gml_into_something_that_follows_references(countries, tmp_path):
    text = Vector.deliver(countries, GML31.format, tmp_path, "r").read_text()
    path = tmp_path / "input"
    path.write_text(text.replace("?>", "?><!-- <OGRVRTDataSource> -->", 1))
    assert sorted(receive(path, GML31, tmp_path).gdf()["name"]) == sorted(countries["name"])


def test_layers_of_a_file_are_kept_apart_and_stacked(countries, tmp_path):
    path = tmp_path / "two.gpkg"
    countries.to_file(path, layer="land")
    countries.to_crs(3857).assign(geometry=lambda f: f.geometry.centroid).to_file(path, layer="points")
    vector = receive(path, GEOPACKAGE, tmp_path)
    assert {layer.name: layer.geometry_type for layer in vector.layers} == {"land": "MultiPolygon", "points": "Point"}
    assert len(vector.gdf("land")) == len(countries)
    stacked = vector.gdf()
    assert stacked["layer"].value_counts().to_dict() == {"land": len(countries), "points": len(countries)}
    assert stacked.crs.equals("EPSG:4326")
    assert abs(stacked.total_bounds).max() < 180
    with pytest.raises(ProcessError, match="land, points"):
        vector.gdf("sea")


def test_gml_of_several_feature_types_has_several_layers(tmp_path):
    members = "".join(
        f"<gml:featureMember><app:{name}><app:p><gml:Point srsName='EPSG:4326'><gml:coordinates>8,52"
        f"</gml:coordinates></gml:Point></app:p></app:{name}></gml:featureMember>"
        for name in ("Road", "River", "Road")
    )
    path = tmp_path / "x"
    path.write_text(
        '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" xmlns:gml="http://www.opengis.net/gml" '
        f'xmlns:app="urn:app">{members}</wfs:FeatureCollection>'
    )
    vector = receive(path, GML2, tmp_path)
    assert {layer.name: layer.features for layer in vector.layers} == {"Road": 2, "River": 1}
    assert vector.gdf()["layer"].tolist() == ["Road", "Road", "River"]


TRIANGLE = (
    '<gml:Polygon xmlns:gml="{namespace}" srsName="{crs}"><gml:exterior><gml:LinearRing><gml:posList>{points}'
    "</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon><!-- the end -->"
)


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!-- \xe4 -->'])
@pytest.mark.parametrize(
    ("kind", "crs", "points"),
    [
        (GML32, "urn:ogc:def:crs:OGC::CRS84", "-77 38 -77 39 -76 39 -77 38"),
        (GML32, "http://www.opengis.net/def/crs/EPSG/0/4326", "38 -77 39 -77 39 -76 38 -77"),
        (GML31, "EPSG:4326", "-77 38 -77 39 -76 39 -77 38"),
    ],
)
def test_a_bare_gml_geometry_is_a_feature(kind, crs, points, declaration, tmp_path):
    """As in the Execute example of OGC API - Processes."""
    namespace = "http://www.opengis.net/gml/3.2" if kind is GML32 else "http://www.opengis.net/gml"
    path = tmp_path / "input"
    text = declaration + TRIANGLE.format(namespace=namespace, crs=crs, points=points)
    path.write_bytes(text.encode("iso-8859-1"))
    frame = receive(path, kind, tmp_path).gdf()
    assert frame.geometry[0].equals(Polygon([(-77, 38), (-77, 39), (-76, 39)]))
    assert list(frame.columns) == ["geometry"]
    assert frame.crs.to_string() in ("OGC:CRS84", "EPSG:4326")


def test_gml_that_clients_have_sent(standards, tmp_path):
    """GML inside the Execute requests and responses of other servers is read as it stands there."""
    found = {}
    for name in ("owslib/wps_USGSExecuteRequest3.xml", "owslib/wps_PMLExecuteResponse6.xml", "zoo/igml_o.xml"):
        tree = etree.parse(standards / "corpus" / "wps10" / "other" / name)
        for data in tree.iter("{*}ComplexData"):
            for document in data.iterchildren("{*}*"):
                path = tmp_path / "input"
                path.write_bytes(etree.tostring(document))
                layers = receive(path, "text/xml", tmp_path).layers
                found |= {layer.name: (layer.features, layer.geometry_type, layer.crs) for layer in layers}
    assert found == {
        "box": (1, "MultiPolygon", "EPSG:4326"),
        "output": (1, "LineString Z", None),
        "states": (1, "MultiPolygon", "EPSG:4326"),
    }


def test_mixed_geometries_become_several_shapefiles(tmp_path):
    shapes = [
        Point(0, 0), MultiPoint([(1, 1), (2, 2)]), LineString([(0, 0), (1, 1)]), box(0, 0, 1, 1), None,
        GeometryCollection([Point(5, 5), box(3, 3, 4, 4)]),
    ]  # fmt: skip
    frame = gpd.GeoDataFrame({"n": range(6)}, geometry=shapes, crs=4326)
    path = Vector.deliver(frame, SHAPEFILE.format, tmp_path, "mix")
    with zipfile.ZipFile(path) as archive:
        shp = {name for name in archive.namelist() if name.endswith(".shp")}
    assert shp == {"mix_point.shp", "mix_multipoint.shp", "mix_line.shp", "mix_polygon.shp"}
    vector = receive(path, SHAPEFILE, tmp_path)
    assert len(vector) == 7
    assert sorted(vector.gdf()["n"]) == [0, 1, 2, 3, 4, 5, 5]


@pytest.mark.parametrize("kind", [GEOJSON, GML31, GML32, GML2, GEOPACKAGE, FLATGEOBUF, CSV])
def test_mixed_geometries_stay_together_elsewhere(kind, tmp_path):
    shapes = [Point(0, 0), LineString([(0, 0), (1, 1)]), box(0, 0, 1, 1), None]
    frame = gpd.GeoDataFrame({"n": [0, 1, 2, 3]}, geometry=shapes, crs=4326)
    back = receive(Vector.deliver(frame, kind.format, tmp_path, "mix"), kind, tmp_path).gdf().set_index("n").geometry
    assert [None if s is None else s.geom_type.removeprefix("Multi") for s in back.sort_index()] == [
        "Point", "LineString", "Polygon", None,
    ]  # fmt: skip


@EVERY
def test_columns_of_every_kind_and_name_survive(kind, tmp_path):
    frame = gpd.GeoDataFrame(
        {
            "fid": [7, 7],
            "FID": ["a", "a"],
            "gml_id": ["x y", "x y"],
            "a very long name of a column": ["ä", "ö"],
            "a very long name of another": [1.5, None],
            "1st & last": [True, False],
            "größe": [1, 2],
            "tags": [["a", "b"], {"k": 1}],
            "when": pd.to_datetime(["2024-01-02T03:04:05Z", None]),
            "kind": pd.Categorical(["u", "v"]),
            "span": pd.to_timedelta([1, 2], unit="D"),
            "other": gpd.GeoSeries([Point(0, 0), None], crs=4326),
            3: [1, 2],
        },
        geometry=[Point(1, 2), Point(3, 4)],
        crs=4326,
    )
    back = receive(Vector.deliver(frame, kind.format, tmp_path, "r"), kind, tmp_path).gdf()
    assert len(back) == 2
    assert {shape.wkt for shape in back.geometry} == {"POINT (1 2)", "POINT (3 4)"}
    text = back.to_csv()
    for content in ("ä", "ö", "1.5", "2024", "1 days", "POINT (0 0)", "k"):
        assert content in text, content


def test_a_result_without_crs_needs_a_format_that_bears_it(tmp_path):
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[Point(500000, 5000000)])
    for kind in (GEOJSON, KML, CSV):
        with pytest.raises(ProcessError, match="no coordinate reference system"):
            Vector.deliver(frame, kind.format, tmp_path, "r")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = receive(Vector.deliver(frame, GEOPACKAGE.format, tmp_path, "r"), GEOPACKAGE, tmp_path)
    assert len(back) == 1


def test_csv_with_x_and_y_is_points(tmp_path):
    path = tmp_path / "p"
    path.write_text("name,lon,lat\nA,8.5,52.1\nB,,\n")
    vector = receive(path, CSV, tmp_path)
    frame = vector.gdf()
    assert frame.crs.equals("EPSG:4326")
    assert frame.geometry[0].equals(Point(8.5, 52.1))
    path.write_text("name,x,y\nA,500000,5900000\n")
    assert receive(path, CSV, tmp_path).crs is None


def test_a_legacy_crs_member_of_geojson_is_honoured(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
    shape = {"type": "Point", "coordinates": [500000, 5900000]}
    feature = {"type": "Feature", "properties": {"a": 1}, "geometry": shape}
    path = tmp_path / "p"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    vector = receive(path, GEOJSON, tmp_path)
    assert vector.crs == "EPSG:25832"
    back = json.loads(Vector.deliver(vector, GEOJSON.format, tmp_path, "r").read_text())
    assert back["features"][0]["geometry"]["coordinates"][0] == pytest.approx(9)


def test_the_input_may_stand_in_a_read_only_directory(countries, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    path = Vector.deliver(countries, GML31.format, source, "data")
    before = sorted(source.iterdir())
    work = tmp_path / "work"
    work.mkdir()
    vector = receive(path, GML31, work)
    vector.gdf()
    assert sorted(source.iterdir()) == before
    assert vector.path.is_relative_to(work)
    assert vector.bytes() == path.read_bytes()
    shutil.rmtree(source)


def test_polygons_that_cross_themselves_are_the_authors_business(tmp_path):
    bow = gpd.GeoDataFrame({"a": [1]}, geometry=[Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], crs=4326)
    vector = receive(Vector.deliver(bow, GEOPACKAGE.format, tmp_path, "r"), GEOPACKAGE, tmp_path)
    assert not vector.gdf().is_valid.all()
