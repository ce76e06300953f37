"""vector_clip, vector_intersection, vector_spatial_join."""

from typing import Annotated, Literal

import geopandas as gpd
import shapely

from cloche.library.vector.frames import dimensions, in_crs_of, placed, valid, without_empty
from cloche.process import Input, Job, Limits, Output, ProcessError, Vector, process

_LIMITS = Limits(memory="2GiB", time="15min")
_NAMES = {0: "points", 1: "lines", 2: "polygons"}


@process(version="1.0.0", keywords=["vector", "overlay", "clip"], limits=_LIMITS)
def vector_clip(
    features: Annotated[Vector, Input("Features to clip")],
    mask: Annotated[Vector, Input("Polygons to clip with")],
    *,
    job: Job,
) -> Annotated[Vector, Output("What lies within the mask")]:
    """Clip.

    The parts of features that lie within polygons; attributes stay. Polygons of another coordinate reference system
    are transformed. Where nothing lies within, the result is empty.
    """
    frame, polygons = valid(placed(features)), _polygons(mask, "mask")
    job.progress(20, "clipping")
    if not len(frame) or not len(polygons):
        return frame.iloc[:0]
    area = shapely.union_all(in_crs_of(polygons, frame).geometry.array)
    return without_empty(gpd.clip(frame, area, keep_geom_type=len(dimensions(frame)) == 1))


@process(version="1.0.0", keywords=["vector", "overlay", "intersection"], limits=_LIMITS)
def vector_intersection(
    features: Annotated[Vector, Input("Features")],
    overlay: Annotated[Vector, Input("Features to intersect with")],
    *,
    job: Job,
) -> Annotated[Vector, Output("Parts that are in both, with the attributes of both")]:
    """Intersection.

    One feature for each pair that shares more than a touch. Attributes of one name get ``_1`` and ``_2``. The result
    is in the coordinate reference system of the first. Each input holds one kind of geometry.
    """
    first, second = valid(placed(features)), valid(placed(overlay, "overlay"))
    _one_kind(first, "features")
    _one_kind(second, "overlay")
    job.progress(20, f"intersecting {len(first)} features with {len(second)}")
    result = gpd.overlay(first, in_crs_of(second, first), how="intersection", keep_geom_type=False)
    wanted = min(dimensions(first) | dimensions(second), default=2)
    return without_empty(_of_dimension(result, wanted))


def _of_dimension(frame: gpd.GeoDataFrame, wanted: int) -> gpd.GeoDataFrame:
    """Without the points and lines where polygons only touch."""
    if (frame.geom_type == "GeometryCollection").any():
        parts = frame.explode(index_parts=False)
        parts = parts[shapely.get_dimensions(parts.geometry.array) == wanted]
        return parts.dissolve(by=parts.index, aggfunc="first").reset_index(drop=True)
    return frame[shapely.get_dimensions(frame.geometry.array) == wanted]


@process(version="1.0.0", keywords=["vector", "overlay", "join"], limits=_LIMITS)
def vector_spatial_join(
    features: Annotated[Vector, Input("Features that get attributes")],
    join: Annotated[Vector, Input("Features whose attributes are wanted")],
    *,
    predicate: Annotated[
        Literal["intersects", "within", "contains", "touches", "crosses", "overlaps", "covers", "covered_by"],
        Input("What the first is to the second"),
    ] = "intersects",
    unmatched: Annotated[Literal["keep", "drop"], Input("Features without a match")] = "keep",
    matches: Annotated[Literal["all", "first"], Input("Of several matches")] = "all",
    job: Job,
) -> Annotated[Vector, Output("Features with the attributes of their matches")]:
    """Spatial join.

    Attributes by place: each feature gets those of the features that it intersects, lies within and so on. Attributes
    of one name get ``_1`` and ``_2``.

    Args:
        matches: All: the feature occurs once for each match. First: once.
    """
    first = placed(features)
    second = in_crs_of(valid(placed(join, "join")), first)
    job.progress(20, f"joining {len(first)} features with {len(second)}")
    how: Literal["left", "inner"] = "left" if unmatched == "keep" else "inner"
    joined = gpd.sjoin(first, second, how=how, predicate=predicate, lsuffix="1", rsuffix="2")
    joined = joined.drop(columns=[name for name in ("index_2", "index_right") if name in joined])
    if matches == "first":
        joined = joined[~joined.index.duplicated()]
    return joined.reset_index(drop=True)


def _polygons(vector: Vector, input: str) -> gpd.GeoDataFrame:
    frame = valid(placed(vector, input))
    if dimensions(frame) - {2}:
        raise ProcessError(f"{input}: polygons are wanted, and there are {_kinds(frame)}", input=input)
    return frame


def _one_kind(frame: gpd.GeoDataFrame, input: str) -> None:
    if len(dimensions(frame)) > 1:
        raise ProcessError(f"{input}: one kind of geometry is wanted, and there are {_kinds(frame)}", input=input)


def _kinds(frame: gpd.GeoDataFrame) -> str:
    return " and ".join(_NAMES[number] for number in sorted(dimensions(frame)))
