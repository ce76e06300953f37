"""JSON Schema (2020-12, and the booleans of draft 4 for exclusive ends), checked with the standard library only."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from cloche.authoring.errors import WrongData

_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that is known to be understood whole: assertions that are not would pass silently otherwise."""

    document: Mapping[str, Any] | bool
    patterns: dict[str, re.Pattern[str]] = field(default_factory=dict, init=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ValueError for keywords that are not supported, references that lead nowhere and wrong patterns."""
        for schema in _subschemas(self.document):
            if "$ref" in schema:
                self._resolve(schema["$ref"])
            own = [schema["pattern"]] if "pattern" in schema else []
            for pattern in (*own, *schema.get("patternProperties", ())):
                try:
                    self.patterns[pattern] = re.compile(pattern)
                except re.error as error:
                    raise ValueError(f"JSON Schema pattern {pattern!r}: {error}") from None

    def check(self, instance: Any) -> None:
        """Raises WrongData at the first rule that is broken."""
        self._check(instance, self.document, "$", 0)

    def _check(self, instance: Any, schema: Any, path: str, depth: int) -> None:
        if depth > _DEPTH:
            raise WrongData(f"{path}: nested too deep")
        if isinstance(schema, bool):
            if not schema:
                raise WrongData(f"{path}: nothing is allowed here")
            return
        for keyword, rule in _RULES.items():
            if keyword in schema and (problem := rule(instance, schema)):
                raise WrongData(f"{path}: {problem}")
        if (pattern := schema.get("pattern")) and isinstance(instance, str) and not self._matches(pattern, instance):
            raise WrongData(f"{path}: does not match {pattern}")
        if "$ref" in schema:
            self._check(instance, self._resolve(schema["$ref"]), path, depth + 1)
        self._check_combined(instance, schema, path, depth)
        if isinstance(instance, dict):
            self._check_object(instance, schema, path, depth)
        elif isinstance(instance, list):
            self._check_array(instance, schema, path, depth)

    def _check_combined(self, instance: Any, schema: Mapping[str, Any], path: str, depth: int) -> None:
        for option in schema.get("allOf", ()):
            self._check(instance, option, path, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if keyword not in schema:
                continue
            problems = [self._problem(instance, option, path, depth) for option in schema[keyword]]
            fitting = problems.count(None)
            if not fitting:
                raise WrongData(f"{path}: fits none of the possible schemas ({problems[0]}; ...)")
            if fitting > 1 and keyword == "oneOf":
                raise WrongData(f"{path}: fits {fitting} schemas of which exactly one is to fit")
        if "not" in schema and self._problem(instance, schema["not"], path, depth) is None:
            raise WrongData(f"{path}: is what is not allowed")
        if "if" in schema:
            branch = "else" if self._problem(instance, schema["if"], path, depth) else "then"
            self._check(instance, schema.get(branch, True), path, depth + 1)

    def _problem(self, instance: Any, schema: Any, path: str, depth: int) -> str | None:
        try:
            self._check(instance, schema, path, depth + 1)
        except WrongData as mismatch:
            return str(mismatch)
        return None

    def _check_object(self, instance: dict[str, Any], schema: Mapping[str, Any], path: str, depth: int) -> None:
        properties = schema.get("properties", {})
        for name, value in instance.items():
            if "propertyNames" in schema:
                self._check(name, schema["propertyNames"], f"{path}.{name}", depth + 1)
            rules = [properties[name]] if name in properties else []
            patterns = schema.get("patternProperties", {})
            rules += [rule for pattern, rule in patterns.items() if self._matches(pattern, name)]
            if not rules and "additionalProperties" in schema:
                rules = [schema["additionalProperties"]]
            for rule in rules:
                self._check(value, rule, f"{path}.{name}", depth + 1)

    def _check_array(self, instance: list[Any], schema: Mapping[str, Any], path: str, depth: int) -> None:
        prefix = schema.get("prefixItems", [])
        for number, value in enumerate(instance):
            rule = prefix[number] if number < len(prefix) else schema.get("items", True)
            self._check(value, rule, f"{path}[{number}]", depth + 1)
        if "contains" in schema:
            found = sum(self._problem(value, schema["contains"], path, depth) is None for value in instance)
            if not schema.get("minContains", 1) <= found <= schema.get("maxContains", found):
                raise WrongData(f"{path}: has {found} items of the kind that it is to contain")

    def _matches(self, pattern: str, text: str) -> bool:
        return self.patterns[pattern].search(text) is not None

    def _resolve(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ValueError(f"JSON Schema reference {reference!r} leads outside the schema")
        found: Any = self.document
        for part in filter(None, reference[1:].split("/")):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise ValueError(f"JSON Schema reference {reference!r} leads nowhere")
            found = found[name]
        return found


_UNSUPPORTED = frozenset(
    {"unevaluatedProperties", "unevaluatedItems", "dependentSchemas", "dependencies", "$dynamicRef", "additionalItems"}
)
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_ONE = ("not", "if", "then", "else", "additionalProperties", "items", "contains", "propertyNames")
_NAMED = ("properties", "patternProperties", "$defs", "definitions")


def _subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise ValueError(f"{schema!r} is not a JSON Schema")  # noqa: TRY004 - a wrong value, not a wrong type of ours
    _check_shape(schema)
    yield schema
    for keyword in _MANY:
        for part in schema.get(keyword, ()):
            yield from _subschemas(part)
    for keyword in _ONE:
        if keyword in schema:
            yield from _subschemas(schema[keyword])
    for keyword in _NAMED:
        for part in schema.get(keyword, {}).values():
            yield from _subschemas(part)


def _check_shape(schema: Mapping[str, Any]) -> None:
    """Raises ValueError where a keyword is not supported or has a value that means nothing."""
    for keyword, value in schema.items():
        if keyword in _UNSUPPORTED:
            raise ValueError(f"JSON Schema keyword {keyword} is not supported")
        if (fits := _SHAPES.get(keyword)) is not None and not fits(value):
            raise ValueError(f"JSON Schema keyword {keyword} cannot be {_show(value)}")


def _is_number(instance: Any) -> bool:
    return isinstance(instance, int | float) and not isinstance(instance, bool)


def _is_end(value: Any) -> bool:
    """Draft 4 says with a boolean whether the end itself belongs."""
    return _is_number(value) or isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_step(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_names(value: Any) -> bool:
    return _is_list(value) and all(map(_is_text, value))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_type(value: Any) -> bool:
    return (isinstance(value, str) and value in _TYPES) or (_is_names(value) and set(value) <= _TYPES.keys())


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda item: item is None,
    "boolean": lambda item: isinstance(item, bool),
    "integer": lambda item: _is_number(item) and float(item).is_integer(),
    "number": _is_number,
    "string": lambda item: isinstance(item, str),
    "array": lambda item: isinstance(item, list),
    "object": lambda item: isinstance(item, dict),
}


_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "pattern": _is_text,
    "$ref": _is_text,
    "multipleOf": _is_step,
    "required": _is_names,
    "enum": _is_list,
    "dependentRequired": _is_mapping,
    **dict.fromkeys(("minimum", "maximum"), _is_number),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), _is_end),
    **dict.fromkeys(
        (f"{end}{what}" for end in ("min", "max") for what in ("Length", "Items", "Properties", "Contains")), _is_size
    ),
    **dict.fromkeys(_MANY, _is_list),
    **dict.fromkeys(_NAMED, _is_mapping),
}


def _type(instance: Any, schema: Mapping[str, Any]) -> str | None:
    wanted = schema["type"]
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return None if any(_TYPES[name](instance) for name in names) else f"is not of type {' or '.join(names)}"


def _enum(instance: Any, schema: Mapping[str, Any]) -> str | None:
    return None if any(_equal(instance, item) for item in schema["enum"]) else f"is not one of {_show(schema['enum'])}"


def _const(instance: Any, schema: Mapping[str, Any]) -> str | None:
    return None if _equal(instance, schema["const"]) else f"is not {_show(schema['const'])}"


def _minimum(instance: Any, schema: Mapping[str, Any]) -> str | None:
    if not _is_number(instance):
        return None
    least, strict = schema["minimum"], schema.get("exclusiveMinimum") is True
    if instance < least or (strict and instance == least):
        return f"is not {'more than' if strict else 'at least'} {least}"
    return None


def _maximum(instance: Any, schema: Mapping[str, Any]) -> str | None:
    if not _is_number(instance):
        return None
    most, strict = schema["maximum"], schema.get("exclusiveMaximum") is True
    if instance > most or (strict and instance == most):
        return f"is not {'less than' if strict else 'at most'} {most}"
    return None


def _exclusive_minimum(instance: Any, schema: Mapping[str, Any]) -> str | None:
    end = schema["exclusiveMinimum"]
    wrong = _is_number(instance) and _is_number(end) and instance <= end
    return f"is not more than {end}" if wrong else None


def _exclusive_maximum(instance: Any, schema: Mapping[str, Any]) -> str | None:
    end = schema["exclusiveMaximum"]
    wrong = _is_number(instance) and _is_number(end) and instance >= end
    return f"is not less than {end}" if wrong else None


def _multiple(instance: Any, schema: Mapping[str, Any]) -> str | None:
    step = schema["multipleOf"]
    # as the decimals that people wrote: 0.3 is a multiple of 0.1
    wrong = _is_number(instance) and Fraction(str(instance)) % Fraction(str(step)) != 0
    return f"is not a multiple of {step}" if wrong else None


def _size(kind: type, keyword: str, words: str, *, least: bool) -> Callable[[Any, Mapping[str, Any]], str | None]:
    def rule(instance: Any, schema: Mapping[str, Any]) -> str | None:
        if not isinstance(instance, kind):
            return None
        size, bound = len(instance), schema[keyword]  # type: ignore[arg-type]  # str, list and dict have a length
        if size < bound if least else size > bound:
            return f"has {size} {words}; at {'least' if least else 'most'} {bound} expected"
        return None

    return rule


def _required(instance: Any, schema: Mapping[str, Any]) -> str | None:
    missing = [name for name in schema["required"] if name not in instance] if isinstance(instance, dict) else []
    return f"{missing[0]} is missing" if missing else None


def _dependent(instance: Any, schema: Mapping[str, Any]) -> str | None:
    if isinstance(instance, dict):
        for name, needed in schema["dependentRequired"].items():
            if name in instance and (missing := [other for other in needed if other not in instance]):
                return f"{missing[0]} is missing beside {name}"
    return None


def _unique(instance: Any, schema: Mapping[str, Any]) -> str | None:
    if not isinstance(instance, list) or not schema["uniqueItems"]:
        return None
    texts = [json.dumps(item, sort_keys=True) for item in instance]
    return "has equal items" if len(set(texts)) < len(texts) else None


_RULES: Mapping[str, Callable[[Any, Mapping[str, Any]], str | None]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _minimum,
    "maximum": _maximum,
    "exclusiveMinimum": _exclusive_minimum,
    "exclusiveMaximum": _exclusive_maximum,
    "multipleOf": _multiple,
    "minLength": _size(str, "minLength", "characters", least=True),
    "maxLength": _size(str, "maxLength", "characters", least=False),
    "minItems": _size(list, "minItems", "items", least=True),
    "maxItems": _size(list, "maxItems", "items", least=False),
    "minProperties": _size(dict, "minProperties", "members", least=True),
    "maxProperties": _size(dict, "maxProperties", "members", least=False),
    "required": _required,
    "dependentRequired": _dependent,
    "uniqueItems": _unique,
}


def _equal(left: Any, right: Any) -> bool:
    """Equality of JSON: true is not 1."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[name], right[name]) for name in left)
    return bool(left == right)


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
