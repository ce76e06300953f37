"""Values of the model to and from JSON-ready structures, by their type hints.

Standard library only: the runner carries this into images that hold nothing else. A union of dataclasses is told
apart by ``"$type"``, the class name; anything unexpected raises ``CodecError`` with the path at fault.

What a type hint asks for is found out once and kept as a function: every job passes here several times.
"""

import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

Coder = Callable[[Any], Any]


class CodecError(ValueError):
    """The structure does not fit the type; the text begins with the path at fault."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(f"${path}: {problem}")
        self._problem = problem
        self._path = path

    def within(self, step: str) -> "CodecError":
        """The same, seen from one level further out."""
        return CodecError(self._problem, step + self._path)


def encode(value: object) -> Any:
    """``value`` as dicts, lists, strings, numbers, booleans and None; defaults are left out."""
    kind: Any = type(value)
    return _encoder(kind)(value)


_COMPACT = json.JSONEncoder(separators=(",", ":"))


def dump(value: object) -> str:
    """``encode(value)`` as JSON."""
    return _COMPACT.encode(encode(value))


def decode(kind: type[T], value: object) -> T:
    """``value`` as an instance of ``kind``. Raises CodecError."""
    hint: Any = kind
    result: T = _decoder(hint)(value)
    return result


@cache
def _encoder(kind: Any) -> Coder:
    if is_dataclass(kind):
        return _dataclass_encoder(kind)
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, datetime):
        return datetime.isoformat
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(item) for key, item in value.items()}
    if issubclass(kind, Sequence) and not issubclass(kind, str):
        return lambda value: [encode(item) for item in value]
    return lambda value: value


def _dataclass_encoder(kind: Any) -> Coder:
    defaults = tuple((field.name, field.default) for field in fields(kind))

    def encode_dataclass(value: Any) -> dict[str, Any]:
        found = {"$type": kind.__name__}
        for name, default in defaults:
            item = getattr(value, name)
            if item is not default and item != default:
                found[name] = encode(item)
        return found

    return encode_dataclass


@cache
def _decoder(hint: Any) -> Coder:
    origin = get_origin(hint)
    if hint is Any or hint is object:
        return lambda value: value
    if origin in (Union, types.UnionType):
        return _union_decoder(get_args(hint))
    if origin is tuple:
        return _tuple_decoder(get_args(hint))
    if is_dataclass(hint):
        return _dataclass_decoder(hint)
    return _scalar_decoder(hint)


def _union_decoder(options: tuple[Any, ...]) -> Coder:
    optional = type(None) in options
    classes: list[Any] = [option for option in options if is_dataclass(option)]
    named = {option.__name__: _decoder(option) for option in classes}
    unnamed = next(iter(named.values()), None)
    other = next((_decoder(o) for o in options if o is not type(None) and o not in classes), None)

    def decode_union(value: Any) -> Any:
        if value is None and optional:
            return None
        name = value.get("$type") if isinstance(value, dict) else None
        if name is not None and not isinstance(name, str):
            raise CodecError("$type is a text")
        decoder = other if not isinstance(value, dict) else unnamed if name is None else named.get(name)
        if decoder is None:
            raise CodecError(f"{name or type(value).__name__} is not one of the possible kinds")
        return decoder(value)

    return decode_union


def _tuple_decoder(arguments: tuple[Any, ...]) -> Coder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _list_decoder(_decoder(arguments[0]))
    decoders = tuple(_decoder(argument) for argument in arguments)

    def decode_tuple(value: Any) -> tuple[Any, ...]:
        if len(_listed(value)) != len(decoders):
            raise CodecError(f"{len(decoders)} items are expected")
        return tuple(_item(decoder, i, item) for i, (decoder, item) in enumerate(zip(decoders, value, strict=True)))

    return decode_tuple


def _list_decoder(decoder: Coder) -> Coder:
    return lambda value: tuple([_item(decoder, i, item) for i, item in enumerate(_listed(value))])


def _listed(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise CodecError("a list is expected")
    return value


def _item(decoder: Coder, number: int, item: Any) -> Any:
    try:
        return decoder(item)
    except CodecError as error:
        raise error.within(f"[{number}]") from None


def _dataclass_decoder(kind: Any) -> Coder:
    hints = get_type_hints(kind)
    # of its members when they are met: descriptions of processes hold descriptions
    members = {field.name: hints[field.name] for field in fields(kind)}
    known = members.keys() | {"$type"}
    required = frozenset(f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)

    def decode_dataclass(value: Any) -> Any:
        if not isinstance(value, dict):
            raise CodecError("an object is expected")
        if value.get("$type", kind.__name__) != kind.__name__:
            raise CodecError(f"{kind.__name__} is expected")
        if not (value.keys() <= known and required <= value.keys()):
            raise CodecError(f"unknown {sorted(value.keys() - known)}, missing {sorted(required - value.keys())}")
        return kind(**{name: _member(members[name], name, item) for name, item in value.items() if name != "$type"})

    return decode_dataclass


def _member(hint: Any, name: str, item: Any) -> Any:
    try:
        return _decoder(hint)(item)
    except CodecError as error:
        raise error.within(f".{name}") from None


def _scalar_decoder(kind: Any) -> Coder:
    if issubclass(kind, Enum):
        return _reader(kind)
    if kind is datetime:
        return _reader(datetime.fromisoformat)
    if kind is float:
        return _decode_float

    def decode_scalar(value: Any) -> Any:
        if type(value) is not kind and (not isinstance(value, kind) or isinstance(value, bool)):
            raise CodecError(f"{kind.__name__} is expected, {type(value).__name__} found")
        return value

    return decode_scalar


def _reader(read: Coder) -> Coder:
    def decode_text(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, TypeError) as error:
            raise CodecError(str(error)) from None

    return decode_text


def _decode_float(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise CodecError(f"float is expected, {type(value).__name__} found")
    try:
        return float(value)
    except OverflowError as error:
        raise CodecError(str(error)) from None
