"""vector_simplify, vector_centroid, vector_convex_hull."""

from typing import Annotated, Literal

import geopandas as gpd
import pyproj
import shapely

from cloche.library.ground import ellipsoid_of, is_distorted, metres_per_unit
from cloche.library.vector.frames import dimensions, placed, valid, with_geometry, without_empty
from cloche.library.vector.sphere import centroid
from cloche.process import Input, Job, Limits, Output, Vector, process

_LIMITS = Limits(memory="2GiB", time="10min")
_DEGREE = 111_320.0  # metres of a degree at the equator; a degree of longitude is shorter everywhere else


@process(version="1.0.0", keywords=["vector", "geometry", "generalization"], limits=_LIMITS)
def vector_simplify(
    features: Annotated[Vector, Input("Features to simplify")],
    tolerance: Annotated[float, Input("Tolerance", minimum=0, unit="metre", units={"kilometre": 1000.0})],
    *,
    borders: Annotated[Literal["shared", "own"], Input("Borders between polygons")] = "shared",
    job: Job,
) -> Annotated[Vector, Output("Simplified features")]:
    """Simplify.

    Fewer vertices, within a tolerance. For data in degrees the tolerance becomes degrees at the equator, so that
    nowhere more than the tolerance is taken away.

    Args:
        tolerance: How far the outline may move (Douglas-Peucker); for shared borders the square root of the area that
            one vertex may take with it (Visvalingam-Whyatt).
        borders: "shared" keeps neighbouring polygons neighbours, without gaps and overlaps; other features, and all
            with "own", are simplified each by itself. Neither lets a feature vanish or cross itself.
    """
    frame = valid(placed(features))
    if not len(frame):
        return frame
    job.progress(20, f"simplifying {len(frame)} features")
    planar = tolerance / _metres_per_unit(frame)
    if borders == "shared" and dimensions(frame) == {2}:
        return with_geometry(frame, shapely.coverage_simplify(frame.geometry.array, planar))
    return with_geometry(frame, frame.geometry.simplify(planar, preserve_topology=True))


def _metres_per_unit(frame: gpd.GeoDataFrame) -> float:
    crs = pyproj.CRS(frame.crs)
    return _DEGREE if crs.is_geographic else metres_per_unit(crs)


@process(version="1.0.0", keywords=["vector", "geometry", "point"], limits=_LIMITS)
def vector_centroid(
    features: Annotated[Vector, Input("Features")],
    *,
    inside: Annotated[bool, Input("Always inside the feature")] = False,
    job: Job,
) -> Annotated[Vector, Output("One point for each feature")]:
    """Centroid.

    The centre of gravity of each feature: of the area of polygons, the length of lines, the points themselves. Data
    in degrees and in Mercator projections are weighed in an equal-area projection around each feature.

    Args:
        inside: A point on the feature instead; the centroid of a crescent lies outside it.
    """
    frame = valid(placed(features))
    crs = pyproj.CRS(frame.crs) if frame.crs else None
    if inside:
        return with_geometry(frame, frame.geometry.representative_point())
    if crs is None or not is_distorted(crs):
        return with_geometry(frame, frame.geometry.centroid)
    degrees = frame if crs.is_geographic else frame.to_crs(crs.geodetic_crs)
    points = []
    for number, shape in enumerate(degrees.geometry.array):
        points.append(centroid(shape, ellipsoid_of(crs)))
        if number % 1000 == 0:
            job.progress(100 * number / len(degrees), "weighing")
    return with_geometry(degrees, points).to_crs(crs)


@process(version="1.0.0", keywords=["vector", "geometry", "hull"], limits=_LIMITS)
def vector_convex_hull(
    features: Annotated[Vector, Input("Features")],
    *,
    around: Annotated[Literal["each", "all"], Input("Around each feature or all together")] = "each",
    concave: Annotated[
        float | None, Input("Concaveness", minimum=0, maximum=1, abstract="0: as tight as possible, 1: convex")
    ] = None,
) -> Annotated[Vector, Output("Hulls")]:
    """Convex hull.

    The smallest convex polygon around features, or a concave one. The plane is that of the data's own coordinate
    reference system: reproject data in degrees that lie around a pole or across the antimeridian first. The hull of
    one point is that point, of points in a row a line.
    """
    frame = placed(features)
    if not len(frame):
        return frame
    if around == "all":
        shape = shapely.geometrycollections(frame.geometry.array)
        frame = gpd.GeoDataFrame({"features": [len(frame)]}, geometry=[shape], crs=frame.crs)
    if concave is None:
        return with_geometry(frame, frame.geometry.convex_hull)
    hulls = [shapely.concave_hull(shape, ratio=concave) for shape in frame.geometry.array]
    return without_empty(with_geometry(frame, hulls))
