"""Buffers of geometries in degrees by metres on the ellipsoid, with the same error everywhere on it.

A buffer is the union of buffers of short pieces of the outline, each made in an azimuthal equidistant projection of
its own. Pieces that are at most a few degrees long keep the error below a thousandth; one projection for a whole
country would be several percent off at its ends, and a UTM zone worse.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import shapely

from cloche.library.ground import Ellipsoid
from cloche.library.vector.sphere import centre_of, plane_at

MAX_DISTANCE = 5_000_000.0
_VERTICES = 64
_DEGREES = 2.0
_DEGREE = 111_320.0  # metres
_GRID = 1e-9  # degrees, a tenth of a millimetre
_NEAR = 100_000.0  # up to this distance, pieces within a degree share a projection


def grow(
    shapes: Any, distance: float, ellipsoid: Ellipsoid, *, segments: int, progress: Callable[[float], None]
) -> list[Any]:
    """Each geometry (degrees) grown by ``distance`` metres; polygons shrink by a negative one. Ends are round.

    ``segments`` to a quarter circle; ``progress`` gets 0 to 1.
    """
    if distance == 0:
        return list(shapes)
    tubes = _tubes(shapes, abs(distance), ellipsoid, segments, progress)
    return [_combine(shape, _union(tubes[owner]), distance) for owner, shape in enumerate(shapes)]


def _combine(shape: Any, tube: Any, distance: float) -> Any:
    areal = shapely.get_dimensions(shape) == 2
    if distance < 0:
        return shape.difference(tube) if areal else shapely.Polygon()
    return tube.union(shape) if areal else tube


def _union(polygons: list[Any]) -> Any:
    parts = np.array(polygons, dtype=object)
    broken = ~shapely.is_valid(parts)
    parts[broken] = shapely.make_valid(parts[broken], method="structure", keep_collapsed=False)
    try:
        return shapely.union_all(parts)
    except shapely.errors.GEOSException:
        return shapely.union_all(parts, grid_size=_GRID)  # outlines that nearly coincide; this way cannot fail


def _tubes(
    shapes: Any, distance: float, ellipsoid: Ellipsoid, segments: int, progress: Callable[[float], None]
) -> dict[int, list[Any]]:
    """The polygons around the outline, by index of the geometry."""
    cells: dict[tuple[float, float], list[tuple[int, Any]]] = defaultdict(list)
    for owner, shape in enumerate(shapes):
        for piece in _pieces(shape, _step(distance) / _DEGREE):
            cells[_cell(piece, distance)].append((owner, piece))
    tubes: dict[int, list[Any]] = defaultdict(list)
    for number, (centre, members) in enumerate(cells.items()):
        progress(number / len(cells))
        plane = plane_at(*centre, ellipsoid)
        grown = shapely.buffer(plane.to_plane(np.array([p for _, p in members])), distance, quad_segs=segments)
        for (owner, _), polygon in zip(members, grown, strict=True):
            tubes[owner].append(plane.to_degrees(polygon, _step(distance)))
    return tubes


def _step(distance: float) -> float:
    """How long an edge may be, in metres, so that its bend between degrees and plane is below 0.001 of the distance.

    A chord of length s leaves a circle of the earth's size by s * s / 8 R.
    """
    return min(max((8 * 6.4e6 * 0.001 * distance) ** 0.5, 100.0), 50_000.0)


def _cell(piece: Any, distance: float) -> tuple[float, float]:
    lon, lat = centre_of(shapely.get_coordinates(piece))
    if distance > _NEAR:
        return lon, lat
    # a degree of longitude shrinks towards the poles: coarser steps there are as near
    step = min(60.0, 1 / max(np.cos(np.radians(lat)), 1e-3))
    return float(round(lon / step) * step), float(round(lat))


def _pieces(shape: Any, step: float) -> Iterator[Any]:
    """Points, and short pieces of all lines and outlines."""
    for part in shapely.get_parts(shape):
        match shapely.get_dimensions(part):
            case 0:
                yield part
            case 1:
                yield from _runs(part, step)
            case 2:
                for ring in shapely.get_rings(part):
                    yield from _runs(ring, step)
            case _:
                yield from ()


def _runs(line: Any, step: float) -> Iterator[Any]:
    points = shapely.get_coordinates(shapely.segmentize(line, step))
    start = 0
    while start < len(points) - 1:
        window = points[start : start + _VERTICES]
        far = np.abs(window - window[0]).max(axis=1) > _DEGREES
        end = start + (int(far.argmax()) if far.any() else len(window) - 1)
        yield shapely.LineString(points[start : max(end, start + 1) + 1])
        start = max(end, start + 1)
