"""Type hints of a signature taken apart."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from cloche.authoring.annotations import Field
from cloche.authoring.document import JsonDocument
from cloche.authoring.errors import DeclarationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """``base`` is the type of one occurrence, ``container`` list or tuple where there may be several."""

    base: Any
    note: Field | None = None
    optional: bool = False
    container: type | None = None


def read(hint: Any) -> Hint:
    """Takes ``Annotated[list[float] | None, Input(...)]`` apart, in any nesting that makes sense.

    Raises DeclarationError.
    """
    notes: list[Field] = []
    optional, container = False, None
    while True:
        hint = getattr(hint, "__value__", hint)  # an alias by ``type X = ...``
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            notes += _notes(arguments[1:])
            hint = JsonDocument if JsonDocument in arguments[1:] else arguments[0]
        elif origin in (Union, types.UnionType):
            hint, nullable = _without_none(arguments)
            optional = optional or nullable
        elif _is_container(origin, arguments):
            if container is not None:
                raise DeclarationError("lists of lists cannot be sent; use Json")
            container, hint = (tuple if origin is tuple else list), arguments[0]
        else:
            break
    if len(notes) > 1:
        raise DeclarationError("it is annotated twice")
    return Hint(base=_plain(hint), note=notes[0] if notes else None, optional=optional, container=container)


def _notes(metadata: tuple[Any, ...]) -> list[Field]:
    for item in metadata:
        if isinstance(item, type) and issubclass(item, Field):
            raise DeclarationError(f"write {item.__name__}(), with parentheses")
    return [item for item in metadata if isinstance(item, Field)]


def _without_none(options: tuple[Any, ...]) -> tuple[Any, bool]:
    rest = [option for option in options if option is not type(None)]
    if len(rest) != 1:
        names = " | ".join(getattr(option, "__name__", str(option)) for option in rest)
        raise DeclarationError(f"{names}: a parameter has one type; use Json for a choice of types")
    return rest[0], len(rest) < len(options)


def _is_container(origin: Any, arguments: tuple[Any, ...]) -> bool:
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return True
        raise DeclarationError("a tuple is written tuple[X, ...]; use Json for a fixed number of items")
    return origin in (list, Sequence)


def _plain(hint: Any) -> Any:
    """A dict or Mapping is a JSON object."""
    return JsonDocument if (get_origin(hint) or hint) in (dict, Mapping) else hint
