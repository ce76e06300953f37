"""Plane geometry in metres for data in degrees: projections around each piece, and the way back.

Longitudes that leave a projection run on past 180 until ``split_at_antimeridian`` brings them home.
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from shapely import affinity

from cloche.library.ground import Ellipsoid

Projection = Literal["aeqd", "laea"]
_WORLD = shapely.box(-180, -90, 180, 90)
_SLIT = 0.01  # metres


class LocalPlane:
    """A plane around a centre, on the ellipsoid of a geographic CRS.

    ``aeqd`` keeps distances and directions from the centre, ``laea`` areas.
    """

    def __init__(self, lon: float, lat: float, ellipsoid: Ellipsoid, projection: Projection = "aeqd") -> None:
        self.lon = lon
        self._project = pyproj.Proj(proj=projection, lat_0=lat, lon_0=lon, a=ellipsoid.a, b=ellipsoid.b)
        self.poles = [self._pole(sign) for sign in (1, -1)]

    def _pole(self, sign: int) -> tuple[float, int] | None:
        x, y = self._project(self.lon, 90.0 * sign)
        return (y, sign) if np.isfinite(y) and abs(x) < 1e6 else None

    def to_plane(self, shape: Any) -> Any:
        """Degrees to metres; one geometry or an array of them."""
        return shapely.transform(shape, self._project, interleaved=False)

    def to_degrees(self, shape: Any, step: float) -> Any:
        """Metres to degrees; edges are cut to ``step`` metres first, since they bend. Result within -180 to 180."""
        for pole in self.poles:
            if pole is not None:
                shape = self._slit(shape, *pole)
        shape = shapely.segmentize(shape, step)
        turned = shapely.transform(shape, self._inverse, interleaved=False)
        return split_at_antimeridian(turned)

    def _inverse(self, x: Any, y: Any) -> tuple[Any, Any]:
        lon, lat = self._project(x, y, inverse=True)
        return self.lon + (lon - self.lon + 180) % 360 - 180, np.clip(lat, -90, 90)

    def _slit(self, shape: Any, y: float, sign: int) -> Any:
        """A polygon around a pole, opened along the meridian behind it, where its longitudes jump by 360."""
        if shapely.get_dimensions(shape) != 2 or not shape.intersects(shapely.Point(0, y)):
            return shape
        west, south, east, north = shape.bounds
        far = sign * (abs(y) + (north - south) + (east - west) + 1)
        near = y + sign * 10 * _SLIT
        corners = [(-_SLIT, y), (-_SLIT, near), (-_SLIT, far), (_SLIT, far), (_SLIT, near), (_SLIT, y)]
        return shape.difference(shapely.Polygon(corners))


def split_at_antimeridian(shape: Any) -> Any:
    """A geometry with longitudes from -540 to 540 as one within -180 to 180, cut where it crosses."""
    west, _, east, _ = shape.bounds if not shape.is_empty else (0, 0, 0, 0)
    if west >= -180 and east <= 180:
        return shape
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    turned = [affinity.translate(shape, xoff=offset).intersection(_WORLD) for offset in (-360, 0, 360)]
    return shapely.union_all([part for part in turned if not part.is_empty])


def centre_of(points: Any) -> tuple[float, float]:
    """Longitude and latitude in the middle of points given in degrees, wherever the antimeridian is."""
    lon, lat = np.radians(points[:, 0]), np.radians(points[:, 1])
    x, y, z = (np.cos(lat) * np.cos(lon)).mean(), (np.cos(lat) * np.sin(lon)).mean(), np.sin(lat).mean()
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


@lru_cache(maxsize=4096)
def plane_at(lon: float, lat: float, ellipsoid: Ellipsoid, projection: Projection = "aeqd") -> LocalPlane:
    """The plane around a point; planes are kept, since neighbours share theirs."""
    return LocalPlane(lon, lat, ellipsoid, projection)


def centroid(shape: Any, ellipsoid: Ellipsoid) -> Any:
    """The centre of gravity of a geometry in degrees, in an equal-area projection around that very point."""
    dense = shapely.segmentize(shape, 0.25)  # an edge in degrees is a curve in metres
    centre = centre_of(shapely.get_coordinates(dense))
    for _ in range(3):
        plane = LocalPlane(*centre, ellipsoid, "laea")
        point = plane.to_degrees(shapely.centroid(plane.to_plane(dense)), 1.0)
        centre = (point.x, point.y)
    return point
