"""Bounding boxes as authors see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from cloche.model.domains import BoundingBoxDomain
from cloche.values import crs as systems


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """Lower and upper corner in the axis order of ``crs``: latitude first for EPSG:4326, longitude first for CRS84."""

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    crs: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", tuple(float(number) for number in self.lower))
        object.__setattr__(self, "upper", tuple(float(number) for number in self.upper))
        if len(self.lower) != len(self.upper) or len(self.lower) not in (2, 3):
            raise ValueError("a bounding box has two corners of two or three coordinates each")

    @classmethod
    def from_bounds(cls, bounds: Sequence[float], crs: str = "urn:ogc:def:crs:OGC:1.3:CRS84") -> Self:
        """From ``(west, south, east, north)``, as GeoPandas and rasterio say them."""
        west, south, east, north = bounds
        if systems.longitude_axis(crs) == 1:
            return cls((south, west), (north, east), crs)
        return cls((west, south), (east, north), crs)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """``(west, south, east, north)``.

        Geographic EPSG systems put the latitude first, which is undone here; axes of projected systems are taken as
        easting and northing. West lies east of east where the box crosses the antimeridian.
        """
        first, second = (1, 0) if systems.longitude_axis(self.crs) == 1 else (0, 1)
        return self.lower[first], self.lower[second], self.upper[first], self.upper[second]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxKind:
    """A bounding box parameter."""

    domain: BoundingBoxDomain

    def receive(self, lower: tuple[float, ...], upper: tuple[float, ...], crs: str) -> BoundingBox:
        """What the author gets."""
        return BoundingBox(lower, upper, crs or self.domain.crs[0])

    def deliver(self, value: Any) -> BoundingBox:
        """What the author returned, with its system. Raises TypeError, ValueError."""
        if not isinstance(value, BoundingBox):
            raise TypeError(f"{value!r} is not a BoundingBox")
        if len(value.lower) != self.domain.dimensions:
            raise ValueError(f"{value!r} has not {self.domain.dimensions} dimensions")
        return value if value.crs else BoundingBox(value.lower, value.upper, self.domain.crs[0])
