"""The raster processes: their numbers against independent computations, on synthetic and real data."""

import json
import math

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry import LineString, Point, box

from cloche.library import data
from cloche.library.raster import (
    raster_aspect,
    raster_calculator,
    raster_clip_by_polygon,
    raster_contour,
    raster_convert,
    raster_hillshade,
    raster_info,
    raster_polygonize,
    raster_reproject,
    raster_slope,
    raster_zonal_statistics,
)
from cloche.model.formats import Format
from cloche.process import Job, ProcessError, Raster, Vector

GEOTIFF = Format(media_type="image/tiff; subtype=geotiff")
GEOPACKAGE = Format(media_type="application/geopackage+sqlite3")
GEOJSON = Format(media_type="application/geo+json")
PLANE = {"crs": "EPSG:32632", "transform": Affine(10, 0, 500000, 0, -20, 5900000), "nodata": -1.0}


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


@pytest.fixture
def given(tmp_path):
    """A Raster of an array, as a client would have sent it."""

    def make(cells, **profile) -> Raster:
        name = f"given{len(list(tmp_path.iterdir()))}"
        path = Raster.deliver((np.asarray(cells), PLANE | profile), GEOTIFF, tmp_path, name)
        return Raster.receive(path, GEOTIFF, tmp_path)

    return make


@pytest.fixture
def zones(tmp_path):
    def make(shapes, crs="EPSG:32632", **columns) -> Vector:
        frame = gpd.GeoDataFrame({"n": range(len(shapes)), **columns}, geometry=list(shapes), crs=crs)
        path = Vector.deliver(frame, GEOPACKAGE, tmp_path, f"zones{len(list(tmp_path.iterdir()))}")
        return Vector.receive(path, GEOPACKAGE, tmp_path)

    return make


@pytest.fixture
def park(tmp_path) -> Raster:
    return Raster.receive(data.elevation(), GEOTIFF, tmp_path)


def masked(result):
    cells, profile = result
    cells = cells[0] if cells.ndim == 3 else cells
    nodata = profile["nodata"]
    return np.ma.masked_invalid(cells) if np.isnan(nodata) else np.ma.masked_equal(cells, nodata)


def plane(east, north, *, rows=40, columns=30):
    """Heights that rise by ``east`` and ``north`` metres by metre on the cells of PLANE."""
    x, y = np.meshgrid(np.arange(columns) * 10.0, np.arange(rows) * -20.0)
    return (1000 + east * x + north * y).astype("float64")


@pytest.mark.parametrize(("east", "north"), [(0.5, 0), (0, 0.5), (0.3, -0.4), (-1, 1), (0, 0)])
def test_slope_and_aspect_of_a_plane(east, north, given, job):
    elevation = given(plane(east, north))
    steepness = math.hypot(east, north)
    slope = masked(raster_slope(elevation, job=job))
    assert not np.ma.is_masked(slope)
    assert slope.compressed() == pytest.approx(math.degrees(math.atan(steepness)), abs=1e-4)
    percent = masked(raster_slope(elevation, unit="percent", job=job))
    assert percent.compressed() == pytest.approx(100 * steepness, rel=1e-5)
    aspect = raster_aspect(elevation, job=job)[0]
    downhill = math.degrees(math.atan2(-east, -north)) % 360 if steepness else -1
    difference = (aspect - downhill + 180) % 360 - 180
    assert np.abs(difference).max() < 1e-3


def test_hillshade_of_a_plane(given, job):
    # a plane at right angles to the sun is as bright as can be, one turned away is dark, a level one the sine of it
    tilt = math.tan(math.radians(30))
    assert (raster_hillshade(given(plane(0, -tilt)), azimuth=0, altitude=60, job=job)[0] == 255).all()
    assert (raster_hillshade(given(plane(0, 2)), azimuth=0, altitude=10, job=job)[0] == 1).all()
    flat = raster_hillshade(given(plane(0, 0)), altitude=30, job=job)[0]
    assert (flat == round(1 + 254 * 0.5)).all()
    assert flat.dtype == np.uint8


def test_cells_without_data_and_edges(given, job):
    heights = plane(0.5, 0.2)
    heights[10, 10] = -1
    elevation = given(heights)
    expected = math.degrees(math.atan(math.hypot(0.5, 0.2)))
    slope = masked(raster_slope(elevation, job=job))
    assert np.argwhere(np.ma.getmaskarray(slope)).tolist() == [[10, 10]]
    assert slope.compressed() == pytest.approx(expected, abs=1e-4)
    strict = masked(raster_slope(elevation, edges=False, job=job))
    assert np.ma.getmaskarray(strict).sum() == 2 * 40 + 2 * 28 + 9


def test_heights_in_feet_and_maps_in_feet(given, job):
    feet = masked(raster_slope(given(plane(1, 0)), height_unit=0.3048, unit="percent", job=job))
    assert feet.compressed() == pytest.approx(30.48, rel=1e-4)
    map_in_feet = given(plane(1, 0), crs="EPSG:2263")
    assert masked(raster_slope(map_in_feet, unit="percent", job=job)).compressed() == pytest.approx(
        100 / (1200 / 3937), rel=1e-4
    )


def test_strips_do_not_show(given, job, monkeypatch):
    heights = np.random.default_rng(3).random((57, 31))
    whole = raster_slope(given(heights), job=job)[0]
    monkeypatch.setattr("cloche.library.raster.grids._STRIP", 31 * 4)
    assert (raster_slope(given(heights), job=job)[0] == whole).all()


def test_south_up_rasters_slope_the_same_way(given, job):
    south_up = {"transform": Affine(10, 0, 500000, 0, 20, 5800000)}
    aspect = raster_aspect(given(plane(0, 0.5)[::-1], **south_up), job=job)[0]
    assert aspect == pytest.approx(180)


def test_slope_in_degrees_of_longitude_is_that_in_metres(park, job):
    """Against the same elevation model taken to UTM, where metres are metres."""
    here = masked(raster_slope(park, job=job))
    utm, profile = raster_reproject(park, "EPSG:32613", resampling="cubic", job=job)
    path = Raster.deliver((utm, profile), GEOTIFF, job.workdir, "utm")
    there = masked(raster_slope(Raster.receive(path, GEOTIFF, job.workdir), job=job))
    assert here.mean() == pytest.approx(there.mean(), rel=0.03)
    assert 5 < here.mean() < 30  # the Rocky Mountains, not 89.9 degrees


def test_slope_of_the_park_against_a_plain_loop(park, job):
    slope = masked(raster_slope(park, job=job))
    with park.open() as dataset:
        z = dataset.read(1).astype(float)
        transform = dataset.transform
    geod = pyproj.Geod(ellps="WGS84")
    for row, column in [(20, 30), (90, 75), (150, 140), (186 // 2, 10)]:
        lat = transform.f + (row + 0.5) * transform.e
        dx = geod.inv(0, lat, transform.a, lat)[2]
        dy = geod.inv(0, lat - transform.a * 0 + transform.e / 2, 0, lat - transform.e / 2)[2]
        w = z[row - 1 : row + 2, column - 1 : column + 2]
        east = ((w[0, 2] + 2 * w[1, 2] + w[2, 2]) - (w[0, 0] + 2 * w[1, 0] + w[2, 0])) / (8 * dx)
        south = ((w[2, 0] + 2 * w[2, 1] + w[2, 2]) - (w[0, 0] + 2 * w[0, 1] + w[0, 2])) / (8 * dy)
        assert slope[row, column] == pytest.approx(math.degrees(math.atan(math.hypot(east, south))), rel=1e-4)


def test_mercator_cells_shrink_with_latitude(given, job):
    y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(0, 60)[1]
    heights = plane(1, 0)  # 10 m by cell of 10 "metres", which are 5 on the ground
    found = masked(raster_slope(given(heights, crs="EPSG:3857", transform=Affine(10, 0, 0, 0, -10, y)), job=job))
    assert found.mean() == pytest.approx(math.degrees(math.atan(2)), rel=0.01)


def test_contours_lie_where_the_values_are(park, job):
    lines = raster_contour(park, 250, job=job)
    with park.open() as dataset:
        low, high = 2281, 4261
        assert lines["elevation"].tolist() == list(range(2500, 4251, 250))
        assert lines.crs == dataset.crs
        for level, points in zip(lines["elevation"], lines.geometry, strict=True):
            coordinates = shapely.get_coordinates(points)[::40]
            around = np.array(list(dataset.sample(coordinates)))[:, 0].astype(float)
            assert np.median(np.abs(around - level)) < 60
        assert low < lines["elevation"].min() < lines["elevation"].max() < high


def test_contours_of_a_plane_are_straight(given, job):
    lines = raster_contour(given(plane(0.5, 0)), 20, base=5, job=job).set_index("elevation").geometry
    assert lines.index.tolist() == [1005 + 20 * n for n in range(7)]
    line = lines[1045]
    assert {round(x, 6) for x, _ in line.coords} == {500000 + 5 + 90}
    assert (line.bounds[1], line.bounds[3]) == (5900000 - 40 * 20 + 10, 5900000 - 10)
    chosen = raster_contour(given(plane(0.5, 0)), levels=[1010, 1001, 9999], job=job)
    assert chosen["elevation"].tolist() == [1001, 1010]
    with pytest.raises(ProcessError, match="at most 1000"):
        raster_contour(given(plane(0.5, 0)), 1e-6, job=job)


def test_contours_end_at_holes(given, job):
    heights = plane(0.5, 0)
    heights[15:25, :] = -1
    line = raster_contour(given(heights), levels=[1045], job=job).geometry[0]
    assert line.geom_type == "MultiLineString"
    assert not line.intersects(box(500000, 5900000 - 25 * 20, 501000, 5900000 - 15 * 20 - 20))
    assert len(raster_contour(given(np.full((5, 5), -1.0)), job=job)) == 0


def test_reprojection_of_a_raster(park, given, job):
    cells, profile = raster_reproject(park, "EPSG:32613", resolution=250, resampling="bilinear", job=job)
    assert (profile["transform"].a, profile["transform"].e) == (250, -250)
    assert profile["nodata"] == 65535
    to_degrees = pyproj.Transformer.from_crs(32613, 4326, always_xy=True)
    rows, columns = [30, 60, 100], [40, 70, 90]
    xs, ys = rasterio.transform.xy(profile["transform"], rows, columns)
    with park.open() as dataset:
        there = np.array(list(dataset.sample(zip(*to_degrees.transform(xs, ys), strict=True))))[:, 0]
    assert cells[0][rows, columns] == pytest.approx(there.astype(float), abs=120)
    with pytest.raises(ProcessError, match="no coordinate reference system"):
        raster_reproject(park, "EPSG:0", job=job)
    with pytest.raises(ProcessError, match="does not name"):
        raster_reproject(given(plane(1, 0), crs=None), job=job)
    with pytest.raises(ProcessError, match="more than 100,000,000"):
        raster_reproject(park, "EPSG:32613", resolution=0.1, job=job)
    with pytest.raises(ProcessError, match="uint16 cannot hold -1"):
        raster_reproject(park, "EPSG:32613", nodata=-1, job=job)
    picture = Raster.receive(data.picture(), GEOTIFF, job.workdir)
    bands, _ = raster_reproject(picture, "EPSG:3857", job=job)
    assert bands.shape[0] == 3
    assert bands.dtype == np.uint8


def test_clipping_a_raster(given, zones, job):
    source = given(plane(0, 0) + np.arange(30))
    polygon = box(500050, 5899700, 500150, 5899900)
    cells, profile = raster_clip_by_polygon(source, zones([polygon]))
    assert cells.shape == (1, 10, 10)
    assert profile["transform"] == Affine(10, 0, 500050, 0, -20, 5899900)
    assert cells[0, 0].tolist() == list(range(1005, 1015))
    whole, _ = raster_clip_by_polygon(source, zones([polygon]), crop=False)
    assert whole.shape == (1, 40, 30)
    assert (whole != -1).sum() == 100
    other = zones(gpd.GeoSeries([polygon], crs=32632).to_crs(4326), 4326)
    assert (raster_clip_by_polygon(source, other, crop=False)[0] != -1).sum() == pytest.approx(100, abs=20)
    with pytest.raises(ProcessError, match="do not overlap"):
        raster_clip_by_polygon(source, zones([box(0, 0, 1, 1)]))
    with pytest.raises(ProcessError, match="points or lines"):
        raster_clip_by_polygon(source, zones([LineString([(0, 0), (1, 1)])]))
    with pytest.raises(ProcessError, match="there are none"):
        raster_clip_by_polygon(source, zones([]))


def test_zonal_statistics_against_numpy(given, zones, job):
    values = np.random.default_rng(5).integers(0, 20, (40, 30)).astype(float)
    values[3, 3] = -1
    shapes = [
        box(500000, 5899800, 500100, 5900000),
        box(500105, 5899310, 500205, 5899530),
        Point(500200, 5899500).buffer(90),
    ]
    wanted = ["count", "mean", "min", "max", "range", "sum", "std", "variance", "median", "percentile_10",
              "percentile_90", "majority", "minority", "variety"]  # fmt: skip
    result = raster_zonal_statistics(given(values), zones(shapes), statistics=wanted, job=job)
    for row, shape in zip(result.itertuples(), shapes, strict=True):
        inside = rasterize([shape], values.shape, transform=PLANE["transform"]).astype(bool) & (values != -1)
        cells = values[inside]
        assert row.count_ if hasattr(row, "count_") else result["count"][row.Index] == len(cells)
        found = result.loc[row.Index, wanted].to_dict()
        numbers, counts = np.unique(cells, return_counts=True)
        assert found["mean"] == pytest.approx(cells.mean())
        assert (found["min"], found["max"], found["range"]) == (cells.min(), cells.max(), np.ptp(cells))
        assert found["sum"] == pytest.approx(cells.sum())
        assert (found["std"], found["variance"]) == pytest.approx((cells.std(), cells.var()))
        assert (found["median"], found["percentile_90"]) == (np.median(cells), np.percentile(cells, 90))
        assert counts[numbers == found["majority"]] == counts.max()
        assert counts[numbers == found["minority"]] == counts.min()
        assert found["variety"] == len(numbers)


def test_zones_outside_touched_and_in_degrees(given, zones, job):
    source = given(plane(0, 0))
    shapes = [box(0, 0, 1, 1), box(500001, 5899990, 500002, 5899991), None]
    result = raster_zonal_statistics(source, zones(shapes), prefix="z_", job=job)
    assert result["z_count"].tolist() == [0, 0, 0]
    assert result["z_mean"].isna().all()
    touched = raster_zonal_statistics(source, zones(shapes), all_touched=True, job=job)
    assert touched["count"].tolist() == [0, 1, 0]
    degrees = zones(gpd.GeoSeries([box(500000, 5899600, 500200, 5900000)], crs=32632).to_crs(4326), 4326)
    back = raster_zonal_statistics(source, degrees, job=job)
    assert back.crs.to_epsg() == 4326
    assert back["count"][0] == pytest.approx(400, abs=25)
    with pytest.raises(ProcessError, match="no band 2: the raster has one band") as caught:
        raster_zonal_statistics(source, degrees, band=2, job=job)
    assert caught.value.input == "band"


def test_the_park_in_zones(park, zones, job):
    """Two halves of the elevation model hold all of it."""
    west, south, east, north = park.bounds
    middle = (west + east) / 2
    halves = zones([box(west, south, middle, north), box(middle, south, east, north)], "EPSG:4326")
    result = raster_zonal_statistics(park, halves, statistics=["count", "sum"], job=job)
    with park.open() as dataset:
        cells = dataset.read(1, masked=True)
    assert result["count"].sum() == cells.count()
    assert result["sum"].sum() == cells.sum()


def test_polygonizing_brings_back_the_cells(given, job):
    classes = np.random.default_rng(7).integers(0, 3, (40, 30)).astype("int16")
    classes[:2] = -1
    frame = raster_polygonize(given(classes), job=job)
    assert frame.geometry.is_valid.all()
    assert frame["value"].dtype == np.int64
    back = rasterize(
        zip(frame.geometry, frame["value"], strict=True),
        classes.shape,
        fill=-1,
        transform=PLANE["transform"],
        dtype="int16",
    )
    assert (back == classes).all()
    assert frame.geometry.area.sum() == 38 * 30 * 200
    eight = raster_polygonize(given(classes), neighbours=8, attribute="class", job=job)
    assert len(eight) < len(frame)
    assert "class" in eight
    wide = raster_polygonize(given(np.full((4, 4), 7, "int64")), job=job)
    assert wide["value"].tolist() == [7]
    assert raster_polygonize(given(np.full((4, 4), 1.5)), job=job)["value"].tolist() == [1.5]
    with pytest.raises(ProcessError, match="beyond 32 bit"):
        raster_polygonize(given(np.full((4, 4), 2**40, "int64")), job=job)


def test_the_calculator_computes_an_index(given, job):
    rng = np.random.default_rng(9)
    bands = rng.random((2, 40, 30)).astype("float32")
    bands[0, 5, 5] = -1
    result = masked(raster_calculator([given(bands)], "(A[2] - A[1]) / (A[2] + A[1])", job=job))
    expected = (bands[1] - bands[0]) / (bands[1] + bands[0])
    assert np.argwhere(np.ma.getmaskarray(result)).tolist() == [[5, 5]]
    expected[5, 5] = 0
    assert result.filled(0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("expression", "python"),
    [
        ("A + 2 * B", lambda a, b: a + 2 * b),
        ("where(A > B, A, B)", np.maximum),
        ("A if A > B else B", np.maximum),
        ("max(A, B, 5)", lambda a, b: np.maximum(np.maximum(a, b), 5)),
        ("(A > 3) & ~(B > 3)", lambda a, b: (a > 3) & ~(b > 3)),
        ("A > 3 and not B > 3 or A == 1", lambda a, b: ((a > 3) & ~(b > 3)) | (a == 1)),
        ("2 < A <= 7", lambda a, b: (a > 2) & (a <= 7)),
        ("-A // 3 + A % 3 + A ** 2", lambda a, b: -a // 3 + a % 3 + a**2),
        ("round(sqrt(abs(A - B)) * pi)", lambda a, b: np.round(np.sqrt(np.abs(a - b)) * np.pi)),
        ("atan2(A, B + 1) + sin(radians(A))", lambda a, b: np.arctan2(a, b + 1) + np.sin(np.radians(a))),
    ],
)
def test_the_calculator_agrees_with_numpy(expression, python, given, job):
    rng = np.random.default_rng(11)
    a, b = rng.integers(0, 10, (2, 40, 30)).astype(float)
    cells = raster_calculator([given(a), given(b)], expression, datatype="float64", job=job)[0]
    assert cells == pytest.approx(python(a, b).astype(float))


def test_no_data_spreads_and_is_asked_for(given, job):
    a, b = plane(0, 0), plane(0, 0) * 0 + 5
    a[0, 0] = a[0, 1] = b[0, 1] = -1
    inputs = [given(a), given(b)]
    for expression in ("A + B", "A > B", "A == A or B > 0", "not A", "where(A, 1, 2)"):
        result = masked(raster_calculator(inputs, expression, job=job))
        assert np.ma.is_masked(result[0, 0]), expression
        assert np.ma.getmaskarray(result).sum() == 2
    filled = masked(raster_calculator(inputs, "where(isnodata(A), B, A)", job=job))
    assert filled[0, 0] == 5
    assert np.ma.is_masked(filled[0, 1])
    assert np.ma.is_masked(masked(raster_calculator(inputs, "B / 0", job=job))[3, 3])
    assert masked(raster_calculator(inputs, "nodata if B > 1 else B", job=job)).count() == 0
    whole = raster_calculator(inputs, "A * 0.3", datatype="uint8", job=job)
    assert whole[1]["nodata"] == 255
    assert (whole[0] == 255).all()  # 300 does not fit


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("__import__('os').system('true')", "not allowed|no function"),
        ("A.__class__", "not allowed"),
        ("open('/etc/passwd')", "no function 'open'"),
        ("(lambda: A)()", "not allowed"),
        ("[A for A in A]", "not allowed"),
        ("A[0]", "no band 0"),
        ("A[3]", "no band 3; it has 1"),
        ("A['x']", "not allowed"),
        ("C + A", "no raster 'C'; there are: A, B"),
        ("'a' * A", "not allowed"),
        ("A @ B", "not allowed"),
        ("A << 2", "not allowed"),
        ("A in B", "not allowed"),
        ("sqrt(A, B)", "takes 1 values, not 2"),
        ("max(A, key=B)", "not allowed"),
        ("A +", "is no expression"),
        ("(" * 300 + "A" + ")" * 300, "is no expression"),
        ("A" + "+A" * 499, "too complicated"),
        ("A" * 2000, "longer than"),
        ("1 + 2", "uses no raster"),
        ("A + 1" + "0" * 400, "too large"),
        ("", "is no expression"),
        ("1j * A", "not allowed"),
        ("A := 3", "is no expression"),
        ("f'{A}'", "not allowed"),
    ],
)
def test_the_calculator_refuses_everything_else(expression, reason, given, job):
    with pytest.raises(ProcessError, match=reason) as caught:
        raster_calculator([given(plane(0, 0)), given(plane(1, 0))], expression, job=job)
    assert caught.value.input == "expression"


def test_powers_of_powers_are_infinite_at_once(given, job):
    assert masked(raster_calculator([given(plane(0, 0))], "A * 9 ** 9 ** 9 ** 9", job=job)).count() == 0


def test_rasters_on_other_grids_are_refused_or_aligned(given, park, job):
    a = given(plane(0, 0))
    b = given(plane(0, 0, rows=20, columns=15) + 1, transform=Affine(20, 0, 500000, 0, -40, 5900000))
    with pytest.raises(ProcessError, match="raster B does not lie on the grid of A"):
        raster_calculator([a, b], "A + B", job=job)
    assert masked(raster_calculator([a, b], "B - A", align="nearest", job=job)).compressed() == pytest.approx(1)
    half = given((plane(0, 0) + 1).astype("uint16"), transform=Affine(10, 0, 500150, 0, -20, 5900000), nodata=None)
    partly = masked(raster_calculator([a, half], "B - A", align="nearest", job=job))
    assert np.ma.getmaskarray(partly)[:, :15].all()
    assert (partly[:, 15:] == 1).all()
    assert partly[:, 15:].count() == 40 * 15


def test_information(park, given, tmp_path, job):
    info = raster_info(park, job=job)
    assert json.loads(json.dumps(info, allow_nan=False)) == info
    assert (info["width"], info["height"], info["crs"]) == (152, 187, "EPSG:4326")
    (band,) = info["bands"]
    with park.open() as dataset:
        cells = dataset.read(1, masked=True).astype(float)
    assert (band["min"], band["max"], band["cells"]) == (2281, 4261, cells.count())
    assert (band["mean"], band["std"]) == pytest.approx((cells.mean(), cells.std()))
    assert (band["datatype"], band["nodata"]) == ("uint16", 65535)
    nothing = raster_info(given(np.full((3, 3), np.nan), nodata=np.nan, crs=None), job=job)
    assert nothing["bands"][0]["cells"] == 0
    assert nothing["bounds_wgs84"] is None
    json.dumps(nothing, allow_nan=False)
    assert raster_convert(park) is park


def test_statistics_do_not_depend_on_strips(given, job, monkeypatch):
    cells = np.random.default_rng(1).normal(1e6, 1, (50, 30))
    monkeypatch.setattr("cloche.library.raster.grids._STRIP", 90)
    (band,) = raster_info(given(cells), job=job)["bands"]
    assert (band["mean"], band["std"]) == pytest.approx((cells.mean(), cells.std()), rel=1e-9)


def test_rotated_rasters_are_refused_where_cells_are_measured(given, job):
    turned = given(
        plane(0, 0), transform=Affine.translation(500000, 5900000) @ Affine.rotation(30) @ Affine.scale(10, -10)
    )
    with pytest.raises(ProcessError, match="rotated"):
        raster_slope(turned, job=job)


def test_results_can_be_asked_for_in_every_format(park, zones, tmp_path, job):
    slope = raster_slope(park, job=job)
    for number, wanted in enumerate(Raster.formats()):
        path = Raster.deliver(slope, wanted, tmp_path, f"slope{number}")
        assert Raster.receive(path, wanted, tmp_path).grid.width == 152
    lines = raster_contour(park, 500, job=job)
    for number, wanted in enumerate(Vector.formats()):
        path = Vector.deliver(lines, wanted, tmp_path, f"lines{number}")
        assert sorted(Vector.receive(path, wanted, tmp_path).gdf()["elevation"].astype(float)) == [
            2500,
            3000,
            3500,
            4000,
        ]


def test_the_descriptions_say_what_people_need():
    from cloche.library import raster

    for name in raster.__all__:
        description = getattr(raster, name).description
        assert description.id == name
        assert len(description.abstract) > 60
        assert description.limits.memory
        assert all(p.title for p in (*description.inputs, *description.outputs))
