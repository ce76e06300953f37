"""GeoDataFrames as the vector processes want them: with a CRS, with valid geometries, in the CRS of another."""

from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from cloche.process import ProcessError, Vector

MAX_FEATURES = 2_000_000


def features_of(vector: Vector, input: str = "features") -> gpd.GeoDataFrame:
    """All features of an input. Raises ProcessError, which names the input, for more than two million."""
    if len(vector) > MAX_FEATURES:
        raise ProcessError(f"{input}: {len(vector)} features are more than {MAX_FEATURES}", input=input)
    return vector.gdf()


def placed(vector: Vector, input: str = "features") -> gpd.GeoDataFrame:
    """The features that have a geometry, in a known CRS. Raises ProcessError, which names the input."""
    frame = features_of(vector, input)
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)].reset_index(drop=True)
    if frame.crs is None and len(frame):
        raise ProcessError(f"{input}: the data do not name their coordinate reference system", input=input)
    return frame


def valid(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same with polygons that cross themselves repaired: overlays would fail on them or lose area."""
    shapes = frame.geometry.array
    broken = ~shapely.is_valid(shapes)
    if not broken.any():
        return frame
    repaired = np.array(shapes, dtype=object)
    repaired[broken] = shapely.make_valid(repaired[broken], method="structure", keep_collapsed=False)
    return with_geometry(frame, repaired)


def with_geometry(frame: gpd.GeoDataFrame, shapes: Any) -> gpd.GeoDataFrame:
    """The same attributes with other geometries in the same CRS."""
    return frame.set_geometry(gpd.GeoSeries(list(shapes), index=frame.index, crs=frame.crs))


def without_empty(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The features that still have a geometry."""
    return frame[~(frame.geometry.isna() | frame.geometry.is_empty)].reset_index(drop=True)


def in_crs_of(frame: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``frame`` in the CRS of ``other``, as far as both have one."""
    if frame.crs is None or other.crs is None or frame.crs.equals(other.crs):
        return frame
    return frame.to_crs(other.crs)


def reference_system(text: str, input: str = "crs") -> pyproj.CRS:
    """A CRS by authority and code, URN, URL, PROJ string or WKT. Raises ProcessError, which names the input."""
    try:
        return pyproj.CRS.from_user_input(text.strip())
    except pyproj.exceptions.CRSError:
        raise ProcessError(
            f"{text[:100]!r} is no coordinate reference system that is known here", input=input
        ) from None


def dimensions(frame: gpd.GeoDataFrame) -> set[int]:
    """Which of points (0), lines (1) and polygons (2) there are; a mixed collection counts as its highest."""
    return {int(number) for number in np.unique(shapely.get_dimensions(frame.geometry.array)) if number >= 0}


def existing(names: list[str], frame: gpd.GeoDataFrame, input: str) -> list[str]:
    """``names`` as they are, proven to be attributes. Raises ProcessError, which lists those there are."""
    attributes = [str(column) for column in frame.columns if column != frame.geometry.name]
    for name in names:
        if name not in attributes:
            raise ProcessError(f"there is no attribute {name!r}; there are: {', '.join(attributes)}", input=input)
    return names
