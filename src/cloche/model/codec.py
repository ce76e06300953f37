"""Values of the model to and from JSON-ready structures, by their type hints.

Standard library only: the runner carries this into images that hold nothing else. A union of dataclasses is told
apart by ``"$type"``, the class name; anything unexpected raises ``CodecError`` with the path at fault.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class CodecError(ValueError):
    """The structure does not fit the type; the text begins with the path at fault."""


def encode(value: object) -> Any:
    """``value`` as dicts, lists, strings, numbers, booleans and None; defaults are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"$type": type(value).__name__} | {
            f.name: encode(item) for f in fields(value) if (item := getattr(value, f.name)) != f.default
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], value: object) -> T:
    """``value`` as an instance of ``kind``. Raises CodecError."""
    result: T = _decode(kind, value, "$")
    return result


def _decode(hint: Any, value: Any, path: str) -> Any:
    origin = get_origin(hint)
    if hint is Any or hint is object:
        return value
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(hint), value, path)
    if origin is tuple:
        return _decode_tuple(get_args(hint), value, path)
    if is_dataclass(hint):
        return _decode_dataclass(hint, value, path)
    return _decode_scalar(hint, value, path)


def _decode_union(options: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and type(None) in options:
        return None
    named = value.get("$type") if isinstance(value, dict) else None
    for option in options:
        if option is type(None) or (is_dataclass(option) != isinstance(value, dict)):
            continue
        if not is_dataclass(option) or named is None or getattr(option, "__name__", "") == named:
            return _decode(option, value, path)
    raise CodecError(f"{path}: {named or type(value).__name__} is not one of the possible kinds")


def _decode_tuple(arguments: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise CodecError(f"{path}: a list is expected")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_decode(arguments[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if len(arguments) != len(value):
        raise CodecError(f"{path}: {len(arguments)} items are expected")
    return tuple(
        _decode(kind, item, f"{path}[{i}]") for i, (kind, item) in enumerate(zip(arguments, value, strict=True))
    )


def _decode_dataclass(hint: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise CodecError(f"{path}: an object is expected")
    if value.get("$type", hint.__name__) != hint.__name__:
        raise CodecError(f"{path}: {hint.__name__} is expected")
    hints, required = _shape(hint)
    unknown = value.keys() - hints.keys() - {"$type"}
    missing = required - value.keys()
    if unknown or missing:
        raise CodecError(f"{path}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    return hint(**{n: _decode(hints[n], item, f"{path}.{n}") for n, item in value.items() if n in hints})


@cache
def _shape(hint: Any) -> tuple[dict[str, Any], frozenset[str]]:
    required = frozenset(f.name for f in fields(hint) if f.default is MISSING and f.default_factory is MISSING)
    hints = get_type_hints(hint)
    return {f.name: hints[f.name] for f in fields(hint)}, required


def _decode_scalar(hint: Any, value: Any, path: str) -> Any:
    try:
        if issubclass(hint, Enum):
            return hint(value)
        if hint is datetime:
            return datetime.fromisoformat(value)
    except (ValueError, TypeError) as error:
        raise CodecError(f"{path}: {error}") from None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise CodecError(f"{path}: {hint.__name__} is expected, {type(value).__name__} found")
    return value
