"""Authors' JSON Schemas, of any draft, in the words that ``schema.yaml`` of the standard allows."""

from collections.abc import Mapping
from typing import Any

_AS_IS = frozenset({
    "title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "enum", "description", "format",
    "default", "nullable", "readOnly", "writeOnly", "example", "deprecated", "contentMediaType", "contentEncoding",
})  # fmt: skip
_DEEPEST = 12
_LIMITS = (("minimum", "exclusiveMinimum", max), ("maximum", "exclusiveMaximum", min))

Schema = dict[str, Any]


def plain(schema: Any) -> Schema:
    """Says no more than ``schema`` does; references are written out, what is recursive or unknown is left open."""
    return _plain(schema, schema, 0)


def _plain(schema: Any, root: Any, depth: int) -> Schema:
    if schema is False:
        return {"not": {}}
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return {}
    if "$ref" in schema:
        target = _resolve(str(schema["$ref"]), root)
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _plain(target, root, depth + 2) | _plain(rest, root, depth + 1)
    found: Schema = {key: value for key, value in schema.items() if key in _AS_IS}
    if isinstance(schema.get("required"), list) and schema["required"]:
        found["required"] = [str(name) for name in schema["required"]]
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if isinstance(schema.get("contentSchema"), str):
        found["contentSchema"] = schema["contentSchema"]
    _limits(found)
    _type(schema.get("type"), found)
    _nested(schema, root, depth + 1, found)
    return found


def _resolve(reference: str, root: Any) -> Any:
    if not reference.startswith("#"):
        return {}
    found = root
    for step in filter(None, reference[1:].split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _limits(found: Schema) -> None:
    """Later drafts have numbers where draft 4 has a flag."""
    for limit, exclusive, stricter in _LIMITS:
        edge = found.get(exclusive)
        if isinstance(edge, bool) or not isinstance(edge, int | float):
            continue
        other = found.get(limit)
        if other is None or stricter(other, edge) == edge:
            found[limit], found[exclusive] = edge, True
        else:
            del found[exclusive]


def _type(given: Any, found: Schema) -> None:
    """One type only; several are alternatives, and null is a flag."""
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    names = [name for name in names if isinstance(name, str)]
    if "null" in names:
        names = [name for name in names if name != "null"]
        found["nullable"] = True
    if len(names) == 1:
        found["type"] = names[0]
    elif names:
        found["anyOf"] = [{"type": name} for name in names]


def _nested(schema: Mapping[str, Any], root: Any, depth: int, found: Schema) -> None:
    for key in ("allOf", "oneOf", "anyOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            found[key] = [_plain(item, root, depth) for item in schema[key]]
    for key in ("not", "items"):
        if isinstance(schema.get(key), Mapping):
            found[key] = _plain(schema[key], root, depth)
    if isinstance(schema.get("properties"), Mapping):
        found["properties"] = {str(name): _plain(item, root, depth) for name, item in schema["properties"].items()}
    rest = schema.get("additionalProperties")
    if isinstance(rest, bool):
        found["additionalProperties"] = rest
    elif isinstance(rest, Mapping):
        found["additionalProperties"] = _plain(rest, root, depth)
