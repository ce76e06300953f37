"""What coordinates are on the ground: ellipsoids, and systems whose units are no metres."""

from typing import NamedTuple

import pyproj


class Ellipsoid(NamedTuple):
    """Semi-axes in metres."""

    a: float
    b: float


WGS84 = Ellipsoid(6378137.0, 6356752.314245179)


def ellipsoid_of(crs: pyproj.CRS) -> Ellipsoid:
    """The ellipsoid under a CRS."""
    found = crs.ellipsoid
    return Ellipsoid(found.semi_major_metre, found.semi_minor_metre) if found else WGS84


def metres_per_unit(crs: pyproj.CRS) -> float:
    """Metres of one unit of a projected CRS."""
    return float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else 1.0


def is_distorted(crs: pyproj.CRS) -> bool:
    """Whether a metre of the CRS is not a metre on the ground, by far: degrees, and Mercator away from the equator."""
    if crs.is_geographic:
        return True
    method = (crs.coordinate_operation.method_name if crs.coordinate_operation else "").lower()
    return "mercator" in method and "transverse" not in method and "oblique" not in method
