"""The vector processes: their numbers against independent computations, on synthetic and real data."""

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from cloche.library import data
from cloche.library.vector import (
    vector_area_length,
    vector_buffer,
    vector_centroid,
    vector_clip,
    vector_convert,
    vector_convex_hull,
    vector_dissolve,
    vector_info,
    vector_intersection,
    vector_reproject,
    vector_simplify,
    vector_spatial_join,
)
from cloche.model.formats import Format
from cloche.process import Job, ProcessError, Vector

GEOPACKAGE = Format(media_type="application/geopackage+sqlite3")
GEOJSON = Format(media_type="application/geo+json")
GEOD = pyproj.Geod(ellps="WGS84")
PLANE = "EPSG:32632"


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


@pytest.fixture
def given(tmp_path):
    """A Vector of shapes or of a GeoDataFrame, as a client would have sent it."""

    def make(shapes, crs="EPSG:4326", **columns) -> Vector:
        frame = shapes
        if not isinstance(shapes, gpd.GeoDataFrame):
            frame = gpd.GeoDataFrame({"n": range(len(shapes)), **columns}, geometry=list(shapes), crs=crs)
        path = Vector.deliver(frame, GEOPACKAGE, tmp_path, f"given{len(list(tmp_path.iterdir()))}")
        return Vector.receive(path, GEOPACKAGE, tmp_path)

    return make


@pytest.fixture(scope="session")
def world() -> gpd.GeoDataFrame:
    return gpd.read_file(data.countries())


@pytest.fixture
def counties(tmp_path) -> Vector:
    return Vector.receive(data.counties(), GEOJSON, tmp_path)


def distances(lon, lat, shape):
    points = shapely.get_coordinates(shape)
    inner = points[(abs(points[:, 0]) < 179.9999) & (abs(points[:, 1]) < 89.99)]
    return GEOD.inv(np.full(len(inner), lon), np.full(len(inner), lat), inner[:, 0], inner[:, 1])[2]


@pytest.mark.parametrize(
    ("lon", "lat", "distance"), [(10, 60, 100), (10, 60, 1e5), (-70, -33, 2e6), (100, 84, 5e5), (5, 0, 4.9e6)]
)
def test_buffers_in_degrees_are_circles_on_the_ellipsoid(lon, lat, distance, given, job):
    (circle,) = vector_buffer(given([Point(lon, lat)]), distance, job=job).geometry
    found = distances(lon, lat, circle)
    assert found.max() == pytest.approx(distance, rel=1e-4)
    assert found.min() >= distance * math.cos(math.pi / 64) * 0.9999  # chords of 64 segments
    assert circle.is_valid


def test_a_buffer_crosses_the_antimeridian(given, job):
    (circle,) = vector_buffer(given([Point(179.5, -17)]), 100_000, job=job).geometry
    assert isinstance(circle, MultiPolygon)
    assert circle.bounds == pytest.approx((-180, -17.9, 180, -16.1), abs=0.02)
    assert circle.contains(Point(-179.8, -17))
    assert not circle.contains(Point(0, -17))
    area, _ = GEOD.geometry_area_perimeter(shapely.orient_polygons(circle))
    assert area == pytest.approx(64 / 2 * math.sin(2 * math.pi / 64) * 1e10, rel=1e-3)


@pytest.mark.parametrize("pole", [90, -90])
def test_a_buffer_covers_the_pole(pole, given, job):
    lat = math.copysign(89.5, pole)
    (cap,) = vector_buffer(given([Point(30, lat)]), 200_000, job=job).geometry
    for lon in (-179, -90, 0, 90, 179):
        assert cap.contains(Point(lon, math.copysign(89.9, pole)))
        assert not cap.contains(Point(lon, math.copysign(87, pole)))


def test_lines_grow_the_same_everywhere_however_long(given, job):
    line = LineString([(-100, 50), (60, 50)])  # along a parallel, 11,000 km
    (tube,) = vector_buffer(given([line]), 50_000, job=job).geometry
    for lon in np.linspace(-99, 59, 30):
        north = GEOD.fwd(lon, 50, 0, 49_500)[1]
        outside = GEOD.fwd(lon, 50, 0, 50_500)[1]
        assert tube.contains(Point(lon, north))
        assert not tube.contains(Point(lon, outside))


def test_countries_grow_and_shrink(world, given, job):
    europe = world[world.continent == "Europe"]
    grown = vector_buffer(given(europe), 20_000, segments=4, job=job)
    assert grown.geometry.is_valid.all()
    assert grown["name"].tolist() == europe["name"].tolist()
    pairs = list(zip(grown.geometry, europe.geometry, strict=True))
    assert all(big.buffer(1e-6).contains(small) for big, small in pairs)
    shrunk = vector_buffer(given(europe), -20_000, job=job).set_index("name").geometry
    assert "Luxembourg" not in shrunk.index
    inner, outer = shrunk["Germany"], europe.set_index("name").geometry["Germany"]
    edge = shapely.get_coordinates(shapely.segmentize(outer.exterior, 0.05))
    for x, y in shapely.get_coordinates(inner)[::7]:
        nearest = GEOD.inv(np.full(len(edge), x), np.full(len(edge), y), edge[:, 0], edge[:, 1])[2].min()
        assert nearest == pytest.approx(20_000, rel=0.02)


def test_buffers_in_metres_and_feet_are_planar(given, job):
    (square,) = vector_buffer(given([Point(5e5, 5.9e6)], PLANE), 10, segments=1, job=job).geometry
    assert square.area == pytest.approx(200)
    (feet,) = vector_buffer(given([LineString([(0, 0), (1000, 0)])], "EPSG:2263"), 3.048, ends="flat", job=job).geometry
    assert feet.area == pytest.approx(2 * 10 * 1000, rel=1e-5)


def test_mercator_metres_are_not_taken_for_metres(given, job):
    point = gpd.GeoSeries([Point(10, 60)], crs=4326).to_crs(3857)
    grown = vector_buffer(given(point, "EPSG:3857"), 10_000, job=job).to_crs(4326)
    assert distances(10, 60, grown.geometry[0]) == pytest.approx(10_000, rel=1e-3)


def test_buffers_dissolve_vanish_and_refuse(given, job):
    near = given([Point(0, 0), Point(10, 0)], PLANE)
    merged = vector_buffer(near, 6, dissolve=True, job=job)
    assert len(merged) == 1
    assert merged["features"].tolist() == [2]
    assert len(vector_buffer(near, -1, job=job)) == 0
    with pytest.raises(ProcessError, match="only be round"):
        vector_buffer(given([Point(0, 0)]), 1, ends="flat", job=job)
    with pytest.raises(ProcessError, match="5000 km"):
        vector_buffer(near, 6e6, job=job)


def zone_area(south, north, width):
    """Area of a zone of the ellipsoid (Snyder 3-12), independent of PROJ."""
    a, e = 6378137.0, math.sqrt(0.0066943799901413165)

    def q(lat):
        s = math.sin(math.radians(lat))
        return (1 - e * e) * (s / (1 - e * e * s * s) - math.log((1 - e * s) / (1 + e * s)) / (2 * e))

    return a * a * math.radians(width) * (q(north) - q(south)) / 2


def test_areas_on_the_ellipsoid(given, job):
    shapes = [box(10, 40, 30, 60), box(0, 0, 1, 1), box(10, 40, 30, 60) - box(15, 45, 20, 50)]
    result = vector_area_length(given(shapes), job=job)
    hole = zone_area(45, 50, 5)
    expected = [zone_area(40, 60, 20), zone_area(0, 1, 1), zone_area(40, 60, 20) - hole]
    assert result.measured["area_m2"].tolist() == pytest.approx(expected, rel=1e-6)
    assert result.total_area == pytest.approx(sum(expected), rel=1e-6)


def test_lengths_on_the_ellipsoid(given, job):
    quarter, equator = 10_001_965.729, 6378137 * math.pi / 2
    result = vector_area_length(given([LineString([(5, 0), (5, 90)]), LineString([(0, 0), (90, 0)])]), job=job)
    assert result.measured["length_m"].tolist() == pytest.approx([quarter, equator], abs=0.01)
    assert result.total_area == 0


def test_area_is_that_of_the_ground_or_of_the_plane(given, job):
    square = [box(5e5, 5.9e6, 5.1e5, 5.91e6)]
    plane = vector_area_length(given(square, PLANE), on="plane", job=job)
    ground = vector_area_length(given(square, PLANE), job=job)
    assert plane.total_area == pytest.approx(1e8)
    assert plane.total_length == pytest.approx(4e4)
    assert ground.total_area == pytest.approx(1e8 / 0.9996**2, rel=1e-5)  # the scale of UTM's central meridian
    feet = vector_area_length(given([box(0, 0, 1000, 1000)], "EPSG:2263"), on="plane", job=job)
    assert feet.total_area == pytest.approx((1000 * 1200 / 3937) ** 2)


def test_counties_have_the_area_that_the_census_gives(counties, job):
    measured = vector_area_length(counties, job=job).measured
    official = measured["aland"].astype(float) + measured["awater"].astype(float)
    # outlines are generalized: small counties are off by percents, the state by a ten thousandth
    assert (measured["area_m2"] / official)[official > 2e9].between(0.98, 1.02).all()
    assert measured["area_m2"].sum() == pytest.approx(official.sum(), rel=2e-4)


def test_simplification_stays_within_the_tolerance(world, given, job):
    polygons = world[world.continent == "Africa"].to_crs("ESRI:102022")
    before = shapely.get_num_coordinates(polygons.geometry.array).sum()
    own = vector_simplify(given(polygons), 20_000, borders="own", job=job)
    assert shapely.get_num_coordinates(own.geometry.array).sum() < before * 0.8
    assert shapely.hausdorff_distance(own.geometry.boundary.array, polygons.geometry.boundary.array).max() <= 21_000
    shared = vector_simplify(given(polygons), 50_000, job=job)
    assert shapely.get_num_coordinates(shared.geometry.array).sum() < before
    assert len(shared) == len(polygons)
    assert shared.geometry.area.sum() == pytest.approx(shared.geometry.union_all().area, rel=1e-4)


def test_simplification_in_degrees_takes_metres(given, job):
    line = LineString([(0, 0), (0.5, 0.005), (1, 0)])  # 556 m off
    assert len(vector_simplify(given([line]), 500, job=job).geometry[0].coords) == 3
    assert len(vector_simplify(given([line]), 600, job=job).geometry[0].coords) == 2


def test_centroids(given, job):
    crescent = Polygon([(0, 0), (10, 0), (10, 10), (9, 10), (9, 1), (0, 1)])
    planar = vector_centroid(given([box(0, 0, 2, 4), crescent], PLANE), job=job)
    assert planar.geometry[0].equals(Point(1, 2))
    assert not crescent.contains(planar.geometry[1])
    assert crescent.contains(vector_centroid(given([crescent], PLANE), inside=True, job=job).geometry[0])
    # by symmetry on its meridian, and south of the middle since a zone is wider there
    (middle,) = vector_centroid(given([box(10, 40, 30, 60)]), job=job).geometry
    assert middle.x == pytest.approx(20, abs=1e-6)
    assert 49 < middle.y < 50.6


def test_the_centroid_of_a_country_on_both_sides_of_the_antimeridian(world, given, job):
    (fiji,) = vector_centroid(given(world[world.name == "Fiji"]), job=job).geometry
    assert abs(fiji.x) > 177
    assert fiji.y == pytest.approx(-17.3, abs=0.5)


def test_hulls(given, job):
    shapes = [Polygon([(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]), Point(10, 10)]
    each = vector_convex_hull(given(shapes, PLANE))
    assert each.geometry[0].equals(box(0, 0, 4, 4))
    assert each.geometry[1].equals(Point(10, 10))
    together = vector_convex_hull(given(shapes, PLANE), around="all")
    assert together.geometry[0].equals(shapely.MultiPoint([(0, 0), (4, 0), (0, 4), (10, 10)]).convex_hull)
    concave = vector_convex_hull(given(shapes, PLANE), around="all", concave=0.2)
    assert concave.geometry[0].area < together.geometry[0].area


def test_clipping(world, given, job):
    mask = given([box(0, 0, 20, 20)]).gdf().to_crs(3857)
    clipped = vector_clip(given(world), given(mask), job=job)
    area = box(0, 0, 20, 20)
    for name, shape in zip(clipped["name"], clipped.geometry, strict=True):
        whole = world.set_index("name").geometry[name]
        assert shape.area == pytest.approx(whole.intersection(area).area, rel=1e-3)
    assert "Nigeria" in set(clipped["name"])
    assert len(vector_clip(given(world), given([box(-30, -60, -29, -59)]), job=job)) == 0
    with pytest.raises(ProcessError, match="polygons are wanted, and there are points"):
        vector_clip(given(world), given([Point(0, 0)]), job=job)


def test_intersection_has_the_attributes_of_both(given, job):
    first = given([box(0, 0, 2, 2), box(2, 0, 4, 2)], PLANE, a=["p", "q"])
    second = given([box(1, 1, 3, 3), box(4, 0, 5, 2)], PLANE, b=["x", "y"])
    parts = vector_intersection(first, second, job=job)
    found = {(row.a, row.b): row.geometry for row in parts.itertuples()}
    assert found.keys() == {("p", "x"), ("q", "x")}
    assert found["p", "x"].equals(box(1, 1, 2, 2))
    assert {"n_1", "n_2"} <= set(parts.columns)
    lines = vector_intersection(given([LineString([(0, 1), (9, 1)])], PLANE), first, job=job)
    assert sorted(lines.geometry.length) == [2, 2]
    with pytest.raises(ProcessError, match="points and polygons"):
        vector_intersection(given([Point(0, 0), box(0, 0, 1, 1)], PLANE), first, job=job)


def test_spatial_join(world, given, job):
    cities = given([Point(13.4, 52.5), Point(2.3, 48.9), Point(-30, 0)], city=["Berlin", "Paris", "sea"])
    joined = vector_spatial_join(cities, given(world), predicate="within", job=job)
    assert dict(zip(joined["city"], joined["name"].fillna("-"), strict=True)) == {
        "Berlin": "Germany",
        "Paris": "France",
        "sea": "-",
    }
    assert len(vector_spatial_join(cities, given(world), unmatched="drop", job=job)) == 2
    both = given([box(0, 0, 2, 2), box(1, 1, 3, 3)])
    twice = given([Point(1.5, 1.5)])
    assert len(vector_spatial_join(twice, both, job=job)) == 2
    assert len(vector_spatial_join(twice, both, matches="first", job=job)) == 1


def test_dissolving(world, given, job):
    merged = vector_dissolve(given(world), by=["continent"], summary="sum", job=job).set_index("continent")
    population = world.groupby("continent")["pop_est"].sum()
    assert merged["pop_est"].to_dict() == pytest.approx(population.to_dict())
    assert merged["features"].sum() == len(world)
    assert "name" not in merged
    africa = world[world.continent == "Africa"].geometry.union_all()
    assert merged.geometry["Africa"].area == pytest.approx(africa.area)
    assert len(vector_dissolve(given(world), job=job)) == 1
    single = vector_dissolve(given(world), by=["continent"], parts="single", job=job)
    assert set(single.geom_type) == {"Polygon"}
    with pytest.raises(ProcessError, match="no attribute 'contnent'; there are: pop_est, continent"):
        vector_dissolve(given(world), by=["contnent"], job=job)


def test_reprojection(world, given, job):
    germany = given(world[world.name == "Germany"])
    moved = vector_reproject(germany, "EPSG:25832", job=job)
    transformer = pyproj.Transformer.from_crs(4326, 25832, always_xy=True)
    there = transformer.transform(*germany.gdf().geometry[0].exterior.coords[5])
    assert there == pytest.approx(moved.geometry[0].exterior.coords[5])
    assert moved.crs.to_epsg() == 25832
    dense = vector_reproject(germany, "EPSG:25832", edge=0.1, job=job)
    assert shapely.get_num_coordinates(dense.geometry[0]) > shapely.get_num_coordinates(moved.geometry[0])
    with pytest.raises(ProcessError, match="no coordinate reference system"):
        vector_reproject(germany, "EPSG:999999", job=job)
    with pytest.raises(ProcessError, match=r"of 177 features reach beyond what .* can show"):
        vector_reproject(given(world), "+proj=gnom +lat_0=90", job=job)
    names = {f.media_type for f in vector_reproject.description.outputs[0].domain.formats}
    assert GEOPACKAGE.media_type in names
    assert GEOJSON.media_type not in names


def test_conversion_and_information(counties, tmp_path):
    assert vector_convert(counties) is counties
    info = vector_info(counties)
    assert info["features"] == 64
    assert info["layers"][0]["geometry_type"] in ("Polygon", "MultiPolygon")
    assert info["layers"][0]["crs"] == "EPSG:4326"
    assert info["layers"][0]["attributes"]["name"] == "String"
    assert info["layers"][0]["bounds"][0] == pytest.approx(-109.060062)


def test_features_without_a_place_or_a_system(given, job, tmp_path):
    shapes = gpd.GeoDataFrame({"a": [1, 2, 3]}, geometry=[Point(0, 0), None, Point()], crs=4326)
    assert len(vector_buffer(given(shapes), 10, job=job)) == 1
    empty = given(shapes.iloc[:0])
    for result in (
        vector_buffer(empty, 10, job=job),
        vector_centroid(empty, job=job),
        vector_convex_hull(empty),
        vector_simplify(empty, 1, job=job),
        vector_dissolve(empty, job=job),
        vector_area_length(empty, job=job).measured,
        vector_clip(empty, given([box(0, 0, 1, 1)]), job=job),
        vector_intersection(empty, given([box(0, 0, 1, 1)]), job=job),
        vector_spatial_join(empty, given([box(0, 0, 1, 1)]), job=job),
        vector_reproject(empty, job=job),
    ):
        assert len(result) == 0
        path = Vector.deliver(result, GEOJSON, tmp_path, "empty")
        assert len(Vector.receive(path, GEOJSON, tmp_path)) == 0
    path = tmp_path / "lost.csv"
    path.write_text("x,y\n500000,5900000\n")
    lost = Vector.receive(path, Format(media_type="text/csv"), tmp_path)
    with pytest.raises(ProcessError, match="do not name their coordinate reference system") as caught:
        vector_buffer(lost, 10, job=job)
    assert caught.value.input == "features"


def test_polygons_that_cross_themselves_are_repaired(given, job):
    bow = given([Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])], PLANE)
    assert vector_buffer(bow, 0, job=job).geometry[0].area == pytest.approx(2)
    assert vector_dissolve(bow, job=job).geometry[0].area == pytest.approx(2)


def test_the_descriptions_say_what_people_need():
    from cloche.library import vector

    for name in vector.__all__:
        description = getattr(vector, name).description
        assert description.id == name
        assert description.title
        assert len(description.abstract) > 60
        assert description.limits.memory
        assert all(p.title for p in (*description.inputs, *description.outputs))
        assert str(Path(__file__)) not in description.abstract
