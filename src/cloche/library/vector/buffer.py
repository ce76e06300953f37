"""vector_buffer."""

from typing import Annotated, Literal

import geopandas as gpd
import pyproj

from cloche.library.ground import ellipsoid_of, is_distorted, metres_per_unit
from cloche.library.vector.frames import placed, valid, with_geometry, without_empty
from cloche.library.vector.growing import MAX_DISTANCE, grow
from cloche.process import Input, Job, Limits, Output, ProcessError, Vector, process

_UNITS = {"kilometre": 1000.0, "foot": 0.3048, "mile": 1609.344, "nautical mile": 1852.0}


@process(
    version="1.0.0",
    keywords=["vector", "geometry", "buffer", "distance"],
    limits=Limits(memory="2GiB", time="10min"),
)
def vector_buffer(
    features: Annotated[Vector, Input("Features to grow")],
    distance: Annotated[float, Input("Distance", unit="metre", units=_UNITS)],
    *,
    segments: Annotated[int, Input("Segments to a quarter circle", minimum=1, maximum=90)] = 16,
    ends: Annotated[Literal["round", "flat", "square"], Input("Ends of lines")] = "round",
    corners: Annotated[Literal["round", "mitre", "bevel"], Input("Corners")] = "round",
    dissolve: Annotated[bool, Input("Dissolve the result into one feature")] = False,
    job: Job,
) -> Annotated[Vector, Output("Grown features")]:
    """Buffer.

    The area within a distance of each feature. Distances are metres on the ground whatever the coordinate reference
    system: data in degrees (and in Mercator projections, whose metres grow towards the poles) are measured on the
    ellipsoid, piece by piece in azimuthal equidistant projections, across the antimeridian and the poles. Data in
    other projections are measured in their own plane. Features that shrink to nothing are left out.

    Args:
        distance: How far to grow, up to 5000 km. A negative distance shrinks polygons; points and lines vanish by it.
        ends: Other than round only for projected data.
        corners: Other than round only for projected data.
    """
    if abs(distance) > MAX_DISTANCE:
        raise ProcessError("the distance is more than 5000 km", input="distance")
    job.progress(2, "reading")
    frame = valid(placed(features))
    job.progress(10, f"growing {len(frame)} features")
    if not len(frame):
        return frame
    crs = pyproj.CRS(frame.crs)
    if is_distorted(crs):
        if (ends, corners) != ("round", "round"):
            raise ProcessError(f"ends and corners can only be round for data in {crs.name}: reproject them first")
        grown = _on_the_ellipsoid(frame, crs, distance, segments, job)
    else:
        planar = distance / metres_per_unit(crs)
        grown = with_geometry(
            frame, frame.geometry.buffer(planar, quad_segs=segments, cap_style=ends, join_style=corners)
        )
    job.progress(85, "dissolving" if dissolve else "writing")
    grown = without_empty(grown)
    if dissolve and len(grown):
        return gpd.GeoDataFrame({"features": [len(grown)]}, geometry=[grown.geometry.union_all()], crs=grown.crs)
    return grown


def _on_the_ellipsoid(
    frame: gpd.GeoDataFrame, crs: pyproj.CRS, distance: float, segments: int, job: Job
) -> gpd.GeoDataFrame:
    degrees = frame if crs.is_geographic else frame.to_crs(crs.geodetic_crs)
    grown = grow(
        degrees.geometry.array,
        distance,
        ellipsoid_of(crs),
        segments=segments,
        progress=lambda share: job.progress(10 + 75 * share, "growing"),
    )
    return with_geometry(degrees, grown).to_crs(crs)
