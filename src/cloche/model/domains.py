"""What values a parameter takes: literal, bounding box and complex data (WPS 1.0.0 clause 9.3, Part 1 clause 7.10)."""

from dataclasses import dataclass
from enum import StrEnum

from cloche.model.formats import Format


class Closure(StrEnum):
    """Which ends of a range belong to it (OWS Common ``rangeClosure``)."""

    CLOSED = "closed"
    OPEN = "open"
    OPEN_CLOSED = "open-closed"
    CLOSED_OPEN = "closed-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A range of literal values in canonical lexical form; an absent end is unbounded."""

    minimum: str | None = None
    maximum: str | None = None
    spacing: str | None = None
    closure: Closure = Closure.CLOSED


class Datatype(StrEnum):
    """Literal data types: local names of XML Schema Part 2."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    DATETIME = "dateTime"
    ANY_URI = "anyURI"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralDomain:
    """Literal data: any where ``values`` and ``ranges`` are empty. The first unit is the default; none: unitless."""

    datatype: Datatype
    values: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()
    units: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundingBoxDomain:
    """A bounding box. ``crs``: supported systems, the first is the default; ``dimensions`` is 2 or 3."""

    crs: tuple[str, ...]
    dimensions: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexDomain:
    """Complex data. ``formats``: the first is the default; ``max_bytes`` caps one value; ``json_schema`` is JSON."""

    formats: tuple[Format, ...]
    max_bytes: int | None = None
    json_schema: str | None = None


Domain = LiteralDomain | BoundingBoxDomain | ComplexDomain
