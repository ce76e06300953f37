"""From a type and its annotation to a domain and the conversions that go with it."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cloche.authoring.annotations import BOX_OPTIONS, COMPLEX_OPTIONS, LITERAL_OPTIONS, Field, Range
from cloche.authoring.boxes import BoundingBox, BoxKind
from cloche.authoring.complexes import ComplexKind, schema_of
from cloche.authoring.document import JsonDocument, is_json
from cloche.authoring.errors import DeclarationError
from cloche.authoring.file import File
from cloche.authoring.literals import DATATYPES, LiteralKind, Measure, choices_of, to_text
from cloche.model import domains as model
from cloche.model.domains import BoundingBoxDomain, Closure, ComplexDomain, Datatype, LiteralDomain
from cloche.model.errors import NoSuchFormat
from cloche.model.formats import Format
from cloche.model.quantities import bytes_of
from cloche.values import lexical, temporal
from cloche.values.formats import match

Kind = LiteralKind | BoxKind | ComplexKind

DEFAULT_CRS = ("EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84")
_OWN_FORMATS: Mapping[type, Format] = {
    File: Format(media_type="application/octet-stream"),
    JsonDocument: Format(media_type="application/json"),
}
"""Types whose formats the annotation names, with what they are otherwise."""


def kind_of(base: Any, note: Field) -> Kind:
    """The kind of a parameter of that type. Raises DeclarationError."""
    if base is BoundingBox:
        only(note, BOX_OPTIONS, "a bounding box")
        return BoxKind(domain=_box_domain(note))
    if all(hasattr(base, name) for name in ("formats", "receive", "deliver")):
        only(note, COMPLEX_OPTIONS, "complex data")
        return _complex_kind(base, note)
    only(note, LITERAL_OPTIONS, "literal data")
    if found := choices_of(base):
        return _choice_kind(*found, note)
    if base not in DATATYPES:
        raise DeclarationError(
            f"{getattr(base, '__name__', base)} cannot be sent; use str, int, float, bool, date, time, datetime, "
            "AnyURI, Measure, Literal, an Enum, BoundingBox, File, Json, Vector, Raster, or a list of one of them"
        )
    return _literal_kind(base, note)


def only(note: Field, own: frozenset[str], words: str) -> None:
    """Raises DeclarationError where the annotation has options that do not apply."""
    foreign = sorted(note.used() & ((LITERAL_OPTIONS | BOX_OPTIONS | COMPLEX_OPTIONS) - own))
    if foreign:
        raise DeclarationError(f"{foreign[0]} does not apply to {words}")


def _choice_kind(python: type, choices: dict[str, Any], note: Field) -> LiteralKind:
    if used := sorted(note.used() & (LITERAL_OPTIONS - {"unit"})):
        raise DeclarationError(f"{used[0]} does not apply to a list of choices")
    units = (note.unit,) if note.unit else ()
    domain = LiteralDomain(datatype=DATATYPES[python], values=tuple(choices), units=units)
    return LiteralKind(domain=domain, python=python, choices=choices)


def _literal_kind(python: type, note: Field) -> LiteralKind:
    datatype = DATATYPES[python]
    allowed = note.allowed or ()
    spans = [item for item in allowed if isinstance(item, Range)]
    values = [item for item in allowed if not isinstance(item, Range)]
    units, factors = _units(python, note)
    domain = LiteralDomain(
        datatype=datatype,
        values=tuple(_text("allowed", value, datatype) for value in values),
        ranges=(*_own_range(note, datatype), *(_range(span, datatype) for span in spans)),
        units=units,
    )
    if factors and any(_is_bound(end) for span in domain.ranges for end in (span.minimum, span.maximum)):
        raise DeclarationError("bounds other than 0 depend on the unit; use Measure and judge the value yourself")
    if factors and (domain.values or any(span.spacing for span in domain.ranges)):
        raise DeclarationError("allowed values and spacing depend on the unit; use Measure and judge it yourself")
    return LiteralKind(domain=domain, python=python, factors=factors)


def _is_bound(end: str | None) -> bool:
    return end is not None and float(end) != 0


def _text(name: str, value: Any, datatype: Datatype) -> str:
    try:
        return to_text(value, datatype)
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"{name}={value!r} is wrong: {error}") from None


def _own_range(note: Field, datatype: Datatype) -> tuple[model.Range, ...]:
    used = note.used()
    for end in ("minimum", "maximum"):
        if {end, f"exclusive_{end}"} <= used:
            raise DeclarationError(f"{end} and exclusive_{end} exclude each other")
    if note.closure is not None and (used & {"exclusive_minimum", "exclusive_maximum"}):
        raise DeclarationError("closure goes with minimum and maximum, not with the exclusive ones")
    low = note.minimum if note.exclusive_minimum is None else note.exclusive_minimum
    high = note.maximum if note.exclusive_maximum is None else note.exclusive_maximum
    if low is None and high is None and note.spacing is None:
        if note.closure is not None:
            raise DeclarationError("closure needs minimum or maximum")
        return ()
    first = "open" if note.exclusive_minimum is not None else "closed"
    last = "open" if note.exclusive_maximum is not None else "closed"
    closure = note.closure or (first if first == last else f"{first}-{last}")
    return (_range(Range(low, high, closure=closure, spacing=note.spacing), datatype),)


def _range(span: Range, datatype: Datatype) -> model.Range:
    if datatype in (Datatype.STRING, Datatype.BOOLEAN, Datatype.ANY_URI):
        raise DeclarationError(f"a {datatype.value} has no range; list the allowed values")
    if span.closure not in tuple(Closure):
        raise DeclarationError(f"closure={span.closure!r} is not one of {', '.join(Closure)}")
    low = None if span.minimum is None else _text("minimum", span.minimum, datatype)
    high = None if span.maximum is None else _text("maximum", span.maximum, datatype)
    if low is not None and high is not None:
        from cloche.values import ranges

        everything_below = model.Range(maximum=high)
        if not ranges.inside(lexical.value(low, datatype), everything_below, datatype):
            raise DeclarationError(f"minimum={span.minimum!r} is above maximum={span.maximum!r}")
    return model.Range(
        minimum=low, maximum=high, spacing=_spacing(span.spacing, datatype), closure=Closure(span.closure)
    )


def _spacing(spacing: Any, datatype: Datatype) -> str | None:
    """A number, or a duration such as ``PT15M`` for dates and times."""
    if spacing is None:
        return None
    if datatype in (Datatype.INTEGER, Datatype.FLOAT):
        text = _text("spacing", spacing, datatype)
        number = float(text)
        if not math.isfinite(number) or number <= 0:
            raise DeclarationError(f"spacing={spacing!r} is not above zero")
        return text
    try:
        temporal.read_duration(spacing)
    except (ValueError, TypeError):
        raise DeclarationError(f"spacing={spacing!r} is not a duration such as P1D or PT15M") from None
    return str(spacing)


def _units(python: type, note: Field) -> tuple[tuple[str, ...], Mapping[str, float]]:
    """Names of the units, the default first, and factors where the runner is to convert."""
    if note.unit is None and note.units is None:
        return (), {}
    if python not in (int, float, Measure):
        raise DeclarationError("only numbers have units")
    if note.unit is None:
        raise DeclarationError("units needs unit, the default one")
    if isinstance(note.units, str):
        raise DeclarationError("units is a list of names")
    names = tuple(dict.fromkeys((note.unit, *(note.units or ()))))
    if isinstance(note.units, Mapping):
        return names, _factors(python, note.unit, note.units)
    if len(names) > 1 and python is not Measure:
        raise DeclarationError(
            "with alternative units, annotate it as Measure, or give units as a mapping of factors to have it converted"
        )
    return names, {}


def _factors(python: type, unit: str, units: Mapping[str, float]) -> Mapping[str, float]:
    if python is Measure:
        raise DeclarationError("a Measure comes in the unit that the client chose: units is a list of names")
    for name, factor in units.items():
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < math.inf:
            raise DeclarationError(f"units: {name}: {factor!r} is not a factor above zero")
    return {name: float(factor) for name, factor in units.items() if name != unit}


def _box_domain(note: Field) -> BoundingBoxDomain:
    crs = (note.crs,) if isinstance(note.crs, str) else tuple(DEFAULT_CRS if note.crs is None else note.crs)
    dimensions = 2 if note.dimensions is None else note.dimensions
    if not crs or not all(isinstance(name, str) and name for name in crs):
        raise DeclarationError("crs is a list of names of coordinate reference systems")
    if dimensions not in (2, 3):
        raise DeclarationError(f"dimensions={dimensions!r} is neither 2 nor 3")
    return BoundingBoxDomain(crs=crs, dimensions=dimensions)


def _complex_kind(base: Any, note: Field) -> ComplexKind:
    formats = _formats(base, note)
    json_schema = None if note.json_schema is None else json.dumps(note.json_schema, ensure_ascii=False)
    try:
        max_bytes = None if note.max_size is None else bytes_of(note.max_size)
        schema = schema_of(json_schema)
    except ValueError as error:
        raise DeclarationError(str(error)) from None
    domain = ComplexDomain(formats=formats, max_bytes=max_bytes, json_schema=json_schema)
    return ComplexKind(domain=domain, type=base, schema=schema)


def _formats(base: Any, note: Field) -> tuple[Format, ...]:
    """The supported formats, the default first."""
    supported = base.formats()
    if isinstance(note.formats, str | Format):
        raise DeclarationError("formats is a list")
    choose: Callable[[str | Format], Format] = partial(_choose, base, supported, note)
    default = () if note.format is None else (choose(note.format),)
    if note.formats is not None:
        named: Sequence[Format] = [choose(item) for item in note.formats]
    else:
        named = supported if supported or default else (_own_format(base, note),)
    if note.formats is not None and default and default[0] not in named:
        raise DeclarationError(f"the default format {default[0].media_type} is not among formats")
    found = tuple(dict.fromkeys((*default, *named)))
    if not found:
        raise DeclarationError("formats is empty")
    return found


def _own_format(base: Any, note: Field) -> Format:
    own = _OWN_FORMATS.get(base, Format(media_type="application/octet-stream"))
    return Format(media_type=own.media_type, encoding=note.encoding or "", schema=note.schema or "")


def _choose(base: Any, supported: Sequence[Format], note: Field, item: str | Format) -> Format:
    """One format of the annotation, as the type spells it where the type names its own."""
    if isinstance(item, Format):
        written = item
    else:
        written = Format(media_type=item, encoding=note.encoding or "", schema=note.schema or "")
    if "/" not in written.media_type:
        raise DeclarationError(f"{written.media_type!r} is not a media type")
    if base is JsonDocument and not (is_json(written) or written.media_type.startswith("text/plain")):
        raise DeclarationError(f"{written.media_type} is not JSON; use File")
    if not supported:
        return written
    try:
        found = match(Format(media_type=written.media_type), supported, base.__name__)
    except NoSuchFormat as error:
        raise DeclarationError(error.text) from None
    return Format(
        media_type=found.media_type,
        encoding=written.encoding or found.encoding,
        schema=written.schema or found.schema,
    )
