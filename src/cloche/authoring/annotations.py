"""What authors write beside a type: ``Annotated[float, Input("Distance", minimum=0, unit="metre")]``."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

from cloche.model.formats import Format
from cloche.model.process import Metadata, Translation

Translations = Mapping[str, "str | tuple[str, str] | Mapping[str, str] | Translation"]
"""Language tag to a title, to a pair of title and abstract, or to ``{"title": ..., "abstract": ...}``."""


@dataclass(frozen=True, slots=True)
class Range:
    """A range of allowed literal values; an absent end is unbounded.

    ``closure`` is ``closed``, ``open``, ``open-closed`` or ``closed-open``.
    """

    minimum: Any = None
    maximum: Any = None
    _: KW_ONLY
    closure: str = "closed"
    spacing: Any = None


@dataclass(frozen=True, slots=True)
class Field:
    """What inputs and outputs have in common.

    For all: ``title`` (else from the docstring, else the name), ``abstract``, ``id`` (else the name), ``keywords``,
    ``metadata``, ``translations``.

    Literal data: one range by ``minimum`` or ``exclusive_minimum``, ``maximum`` or ``exclusive_maximum`` (or both ends
    with a ``closure``) and ``spacing``; ``allowed`` lists values and Ranges. ``unit`` is the default unit; ``units``
    names alternatives: a sequence of names for a ``Measure``, a mapping of names to how many default units they are
    for an int or float that always comes in the default unit.

    Bounding boxes: ``crs``, the first is the default; ``dimensions``.

    Complex data: ``formats`` (media types or Formats) instead of all that the type supports, ``format`` the default
    one, ``schema`` and ``encoding`` for those that are given as media types, ``max_size`` such as ``"10MiB"``,
    ``json_schema`` for JSON.
    """

    title: str = ""
    _: KW_ONLY
    abstract: str = ""
    id: str = ""
    keywords: Sequence[str] = ()
    metadata: Sequence[Metadata] = ()
    translations: Translations | None = None
    minimum: Any = None
    maximum: Any = None
    exclusive_minimum: Any = None
    exclusive_maximum: Any = None
    closure: str | None = None
    spacing: Any = None
    allowed: Sequence[Any] | None = None
    unit: str | None = None
    units: Sequence[str] | Mapping[str, float] | None = None
    crs: str | Sequence[str] | None = None
    dimensions: int | None = None
    formats: Sequence[str | Format] | None = None
    format: str | Format | None = None
    schema: str | None = None
    encoding: str | None = None
    max_size: str | int | None = None
    json_schema: Mapping[str, Any] | bool | None = None

    def used(self) -> frozenset[str]:
        """The names of the options that are set."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) != f.default)


@dataclass(frozen=True, slots=True)
class Input(Field):
    """An input. Occurrences come from type and default; a list may say ``min_occurs`` and ``max_occurs``."""

    _: KW_ONLY
    min_occurs: int | None = None
    max_occurs: int | None = None


@dataclass(frozen=True, slots=True)
class Output(Field):
    """An output."""


LITERAL_OPTIONS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusive_minimum",
        "exclusive_maximum",
        "closure",
        "spacing",
        "allowed",
        "unit",
        "units",
    }
)
BOX_OPTIONS = frozenset({"crs", "dimensions"})
COMPLEX_OPTIONS = frozenset({"formats", "format", "schema", "encoding", "max_size", "json_schema"})
