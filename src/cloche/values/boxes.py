"""Bounding boxes against their domain (OWS Common clause 10.2)."""

import math
from collections.abc import Sequence

from cloche.model.data import BoundingBoxData
from cloche.model.domains import BoundingBoxDomain
from cloche.model.errors import WrongInputData
from cloche.values import crs, lexical
from cloche.values.literal import quote


def corner(text: str, locator: str) -> tuple[float, ...]:
    """Coordinates between spaces or commas. Raises WrongInputData."""
    try:
        return tuple(lexical.double(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise WrongInputData(f"Input {locator}: {quote(text)} is not a list of numbers.", locator=locator) from None


def check(box: BoundingBoxData, domain: BoundingBoxDomain, locator: str) -> BoundingBoxData:
    """The box with its system spelt as the domain does; no system means the default. Raises WrongInputData."""
    if not len(box.lower) == len(box.upper) == domain.dimensions:
        raise WrongInputData(
            f"Input {locator}: both corners of the bounding box need {domain.dimensions} coordinates.", locator=locator
        )
    if not all(math.isfinite(number) for number in (*box.lower, *box.upper)):
        raise WrongInputData(f"Input {locator}: coordinates of a bounding box are finite numbers.", locator=locator)
    system = _supported(box.crs, domain.crs, locator)
    for axis, (low, high) in enumerate(zip(box.lower, box.upper, strict=True)):
        # a box over the antimeridian begins east of its end
        if low > high and axis != crs.longitude_axis(system):
            raise WrongInputData(
                f"Input {locator}: the lower corner exceeds the upper corner on axis {axis + 1} of {system}.",
                locator=locator,
            )
    return BoundingBoxData(lower=box.lower, upper=box.upper, crs=system)


def _supported(wanted: str, systems: Sequence[str], locator: str) -> str:
    if not wanted.strip():
        return systems[0]
    for system in systems:
        if crs.name(system) == crs.name(wanted):
            return system
    raise WrongInputData(
        f"Input {locator}: reference system {quote(wanted)} is not supported. Allowed: {', '.join(systems)}.",
        locator=locator,
    )
