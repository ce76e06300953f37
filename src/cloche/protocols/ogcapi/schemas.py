"""JSON Schema of inputs and outputs, as ``schema.yaml`` of the standard allows it: draft 4 without ``$ref``.

The same values say in the description what is expected and are what requests are checked against.
"""

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from cloche.model.domains import BoundingBoxDomain, Closure, ComplexDomain, Datatype, Domain, LiteralDomain, Range
from cloche.model.formats import Format
from cloche.protocols.ogcapi import media
from cloche.protocols.ogcapi.plain_schemas import plain
from cloche.values import crs, lexical

Schema = dict[str, Any]

TYPES: dict[Datatype, Schema] = {
    Datatype.STRING: {"type": "string"},
    Datatype.INTEGER: {"type": "integer"},
    Datatype.FLOAT: {"type": "number"},
    Datatype.BOOLEAN: {"type": "boolean"},
    Datatype.DATE: {"type": "string", "format": "date"},
    Datatype.TIME: {"type": "string", "format": "time"},
    Datatype.DATETIME: {"type": "string", "format": "date-time"},
    Datatype.ANY_URI: {"type": "string", "format": "uri"},
}
_NUMBERS = (Datatype.INTEGER, Datatype.FLOAT)
_OPENS_LOW = (Closure.OPEN, Closure.OPEN_CLOSED)
_OPENS_HIGH = (Closure.OPEN, Closure.CLOSED_OPEN)


def schema(domain: Domain) -> Schema:
    """What a value of the domain looks like in JSON; the first of ``oneOf`` is the default."""
    match domain:
        case LiteralDomain():
            return _literal(domain)
        case BoundingBoxDomain():
            return _box(domain)
        case ComplexDomain():
            return _complex(domain)


def output_schema(domain: Domain) -> Schema:
    """What an output looks like: with a unit it is always told along with the value."""
    if isinstance(domain, LiteralDomain) and domain.units:
        return _measurement(number(domain), domain.units)
    return schema(domain)


def number(domain: LiteralDomain) -> Schema:
    """The bare value of a literal domain, whatever its unit."""
    base = dict(TYPES[domain.datatype])
    parts = [_range(span, domain.datatype) for span in domain.ranges]
    if domain.values:
        parts.insert(0, {"enum": [json_value(text, domain.datatype) for text in domain.values]})
    if len(parts) == 1:
        return base | parts[0]
    return base if not all(parts) or not parts else base | {"anyOf": parts}


def json_value(text: str, datatype: Datatype) -> Any:
    """A canonical literal text as JSON has it; what JSON's numbers cannot say stays text."""
    if datatype is Datatype.BOOLEAN:
        return text == "true"
    if datatype is Datatype.INTEGER:
        return int(text)
    if datatype is Datatype.FLOAT:
        value = lexical.double(text)
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN alone is not itself
            return text
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return text


def crs_uri(name: str) -> str:
    """The spelling of a reference system that the standard has."""
    authority, code = crs.name(name)
    if authority == "ogc":
        return f"http://www.opengis.net/def/crs/OGC/{'0' if code.endswith('h') else '1.3'}/CRS{code}"
    return f"http://www.opengis.net/def/crs/EPSG/0/{code}" if authority == "epsg" else name


def _literal(domain: LiteralDomain) -> Schema:
    found = number(domain)
    if domain.units:
        found = {"oneOf": [found, _measurement(found, domain.units)]}
    if domain.default is not None:
        found = found | {"default": json_value(lexical.canonical(domain.default, domain.datatype), domain.datatype)}
    return found


def _measurement(value: Schema, units: Sequence[str]) -> Schema:
    return {
        "type": "object",
        "required": ["measurement", "uom"],
        "properties": {"measurement": value, "uom": {"type": "string", "enum": list(units)}},
    }


def _range(span: Range, datatype: Datatype) -> Schema:
    """Empty where JSON Schema has no words for it (dates, texts)."""
    if datatype not in _NUMBERS:
        return {}
    found: Schema = {}
    if span.minimum is not None:
        found["minimum"] = json_value(span.minimum, datatype)
        if span.closure in _OPENS_LOW:
            found["exclusiveMinimum"] = True
    if span.maximum is not None:
        found["maximum"] = json_value(span.maximum, datatype)
        if span.closure in _OPENS_HIGH:
            found["exclusiveMaximum"] = True
    if span.spacing is not None and Fraction(span.minimum or 0) % (step := Fraction(span.spacing)) == 0 and step:
        found["multipleOf"] = json_value(span.spacing, datatype)
    return found


def _box(domain: BoundingBoxDomain) -> Schema:
    """``bbox.yaml`` with the systems of the domain (permission /per/core/process-execute-input-inline-bbox)."""
    systems = list(dict.fromkeys(crs_uri(name) for name in domain.crs))
    count = 2 * domain.dimensions
    corners = {"type": "array", "minItems": count, "maxItems": count, "items": {"type": "number"}}
    system = {"type": "string", "format": "uri", "default": systems[0], "enum": systems}
    described = {"type": "object", "required": ["bbox"], "properties": {"bbox": corners, "crs": system}}
    return {"allOf": [{"format": "ogc-bbox"}, described]}


def _complex(domain: ComplexDomain) -> Schema:
    own = None if domain.json_schema is None else json.loads(domain.json_schema)
    if own is not None and _covers(own, domain.formats):
        return plain(own)
    alone = len(domain.formats) == 1
    branches = [_format(known, own, alone=alone) for known in domain.formats]
    return branches[0] if alone else {"oneOf": branches}


def _covers(own: Any, formats: Sequence[Format]) -> bool:
    """Whether the author's schema speaks of every format that is not JSON by its media type."""
    named = media_types(own)
    return all(media.is_json(known.media_type) or known.media_type in named for known in formats)


def media_types(own: Any) -> frozenset[str]:
    """What an author's schema says of media types, in itself or its alternatives."""
    if not isinstance(own, dict):
        return frozenset()
    branches = [own, *own.get("oneOf", ()), *own.get("anyOf", ())]
    return frozenset(str(b["contentMediaType"]) for b in branches if isinstance(b, dict) and "contentMediaType" in b)


def _format(format: Format, own: Any, *, alone: bool) -> Schema:
    kind = format.media_type
    if media.is_json(kind):
        found = plain(own) if own is not None else {"contentMediaType": kind}
        if own is None and not alone:
            found["type"] = "object"  # else a string could be any of the alternatives
        if media.essence(kind) == "application/geo+json" and own is None:
            found |= {"type": "object", "format": "geojson-feature-collection"}
        return found | ({"contentMediaType": kind} if media.essence(kind) != "application/json" else {})
    found = {"type": "string", "contentMediaType": kind}
    if media.is_binary(kind) or format.encoding.lower() in media.WIRE:
        found["contentEncoding"] = "base64" if format.encoding.lower() == "base64" else "binary"
    if format.schema:
        found["contentSchema"] = format.schema
    return found
