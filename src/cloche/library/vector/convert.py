"""vector_reproject, vector_convert, vector_info."""

from typing import Annotated

import numpy as np
import pyproj
import shapely

from cloche.library.vector.frames import placed, reference_system, with_geometry
from cloche.process import Input, Job, Json, Limits, Output, ProcessError, Vector, process

_LIMITS = Limits(memory="2GiB", time="10min")


@process(version="1.0.0", keywords=["vector", "projection", "coordinates", "CRS"], limits=_LIMITS)
def vector_reproject(
    features: Annotated[Vector, Input("Features to transform")],
    crs: Annotated[str, Input("Target coordinate reference system")] = "EPSG:4326",
    *,
    edge: Annotated[float, Input("Longest edge", minimum=0, abstract="In units of the data's own system; 0: any.")] = 0,
    job: Job,
) -> Annotated[Vector, Output("Transformed features", formats=Vector.formats_with_crs())]:
    """Reproject vector data.

    Transforms coordinates. The result is offered in formats that bear any coordinate reference system: GeoJSON, KML
    and CSV are WGS 84 only.

    Args:
        crs: As authority and code such as EPSG:25832, URN, URL, PROJ string or WKT.
        edge: Longer edges are divided first, so that they bend as their place on the ground does.
    """
    target = reference_system(crs)
    frame = placed(features)
    if frame.crs is None:
        return frame.set_crs(target)
    job.progress(20, f"transforming {len(frame)} features")
    moved = (with_geometry(frame, frame.geometry.segmentize(edge)) if edge > 0 else frame).to_crs(target)
    points, owners = shapely.get_coordinates(moved.geometry.array, return_index=True)
    outside = np.unique(owners[~np.isfinite(points).all(axis=1)])
    if len(outside):
        raise ProcessError(
            f"{len(outside)} of {len(frame)} features reach beyond what {target.name} can show"
            f"{_area_of_use(target)}, the first is number {outside[0] + 1}",
            input="features",
        )
    return moved


def _area_of_use(crs: pyproj.CRS) -> str:
    area = crs.area_of_use
    if area is None:
        return ""
    return f" (longitudes {area.west:g} to {area.east:g}, latitudes {area.south:g} to {area.north:g})"


@process(version="1.0.0", keywords=["vector", "format", "conversion"], limits=_LIMITS)
def vector_convert(
    features: Annotated[Vector, Input("Features to convert")],
) -> Annotated[Vector, Output("The same features in the format that is asked for")]:
    """Convert vector data.

    From any supported format to any other. Coordinates are transformed where the format demands it (GeoJSON, KML and
    CSV are WGS 84), several geometry types make several Shapefiles in one zip, names of attributes are shortened
    where the format demands it.
    """
    return features


@process(version="1.0.0", keywords=["vector", "information", "metadata"], limits=_LIMITS)
def vector_info(
    features: Annotated[Vector, Input("Vector data")],
) -> Annotated[Json, Output("Layers with geometry type, count, bounds, CRS and attributes")]:
    """Describe vector data.

    What the data hold: layers, geometry types, number of features, bounds, coordinate reference system, attributes
    with their types.
    """
    return {
        "format": features.kind.title,
        "bytes": features.file.stat().st_size,
        "features": len(features),
        "layers": [
            {
                "name": layer.name,
                "geometry_type": layer.geometry_type,
                "features": layer.features,
                "crs": layer.crs,
                "bounds": layer.bounds,
                "attributes": dict(layer.fields),
            }
            for layer in features.layers
        ],
    }
