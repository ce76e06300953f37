"""vector_area_length."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import geopandas as gpd
import pyproj
import shapely

from cloche.library.ground import ellipsoid_of, metres_per_unit
from cloche.library.vector.frames import placed
from cloche.process import Input, Job, Limits, Output, Vector, process

_EDGE = 0.1  # degrees: edges are straight in degrees, a geodesic is not; shorter ones differ by centimetres


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is measured of each feature, and of all."""

    measured: Annotated[Vector, Output("Features with the attributes area_m2 and length_m")]
    total_area: Annotated[float, Output("Area of all polygons", unit="square metre")]
    total_length: Annotated[float, Output("Length of all lines and outlines", unit="metre")]


@process(
    version="1.0.0",
    keywords=["vector", "geometry", "area", "length", "perimeter"],
    limits=Limits(memory="2GiB", time="10min"),
)
def vector_area_length(
    features: Annotated[Vector, Input("Features to measure")],
    *,
    on: Annotated[Literal["ellipsoid", "plane"], Input("Surface")] = "ellipsoid",
    job: Job,
) -> Measured:
    """Area and length.

    Adds ``area_m2`` (polygons, less their holes; else 0) and ``length_m`` (lines; outlines of polygons with those of
    holes) to each feature, and sums them up.

    Args:
        on: On the ellipsoid of the coordinate reference system, as on the ground; or in the plane of its coordinates,
            as maps and cadastres do. Data in degrees are always measured on the ellipsoid.
    """
    frame = placed(features)
    areas, lengths = _planar(frame) if on == "plane" and _is_planar(frame) else _geodesic(frame, job)
    measured = frame.assign(area_m2=areas, length_m=lengths)
    return Measured(measured=measured, total_area=float(sum(areas)), total_length=float(sum(lengths)))


def _is_planar(frame: gpd.GeoDataFrame) -> bool:
    return frame.crs is not None and not frame.crs.is_geographic


def _planar(frame: gpd.GeoDataFrame) -> tuple[list[float], list[float]]:
    factor = metres_per_unit(pyproj.CRS(frame.crs))
    return list(frame.geometry.area * factor**2), list(frame.geometry.length * factor)


def _geodesic(frame: gpd.GeoDataFrame, job: Job) -> tuple[list[float], list[float]]:
    if not len(frame):
        return [], []
    crs = pyproj.CRS(frame.crs)
    shapes = frame.geometry.array
    if not crs.is_geographic:
        # straight edges of the plane stay where they are: cut them before they are transformed
        shapes = shapely.segmentize(shapes, 1000 / metres_per_unit(crs))
        shapes = gpd.GeoSeries(shapes, crs=crs).to_crs(crs.geodetic_crs).array
    ellipsoid = ellipsoid_of(crs)
    geod = pyproj.Geod(a=ellipsoid.a, b=ellipsoid.b)
    areas, lengths = [], []
    for number, shape in enumerate(shapes):
        area, length = _measure(shape, geod)
        areas.append(area)
        lengths.append(length)
        if number % 1000 == 0:
            job.progress(100 * number / len(shapes), "measuring")
    return areas, lengths


def _measure(shape: Any, geod: pyproj.Geod) -> tuple[float, float]:
    shape = shapely.segmentize(shape, _EDGE)
    area = length = 0.0
    for part in shapely.get_parts(shape):
        match shapely.get_dimensions(part):
            case 2:
                part_area, part_length = geod.geometry_area_perimeter(shapely.orient_polygons(part))
                area += abs(part_area)
                length += part_length
            case 1:
                length += geod.geometry_length(part)
    return area, length
