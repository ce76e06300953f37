"""The members of a dataclass, TypedDict or NamedTuple of an author's: each is a parameter of its own."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from cloche.authoring.errors import DeclarationError

ABSENT = inspect.Parameter.empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """``default`` is that of the class, or ABSENT; ``find`` takes the member out of an instance."""

    name: str
    hint: Any
    default: Any
    find: Callable[[Any], Any]


def members_of(kind: Any) -> tuple[Member, ...] | None:
    """The members in their order, or None where ``kind`` is the type of a single value. Raises DeclarationError."""
    if not isinstance(kind, type) or _is_single(kind):
        return None
    if is_typeddict(kind):
        found = _members(kind, kind.__annotations__, {}, lambda name: partial(_item, name))
        optional: frozenset[str] = getattr(kind, "__optional_keys__", frozenset())
        return tuple(_maybe(member) if member.name in optional else member for member in found)
    if dataclasses.is_dataclass(kind):
        fields = [field for field in dataclasses.fields(kind) if field.init]
        return _members(kind, [field.name for field in fields], _defaults(fields), attrgetter)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _members(kind, kind._fields, getattr(kind, "_field_defaults", {}), attrgetter)
    return None


def _members(
    kind: type, names: Iterable[str], defaults: Mapping[str, Any], find: Callable[[str], Callable[[Any], Any]]
) -> tuple[Member, ...]:
    try:
        hints = get_type_hints(kind, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"{kind.__name__}: {error}; annotations must be importable at module level") from None
    return tuple(
        Member(name=name, hint=_bare(hints[name]), default=defaults.get(name, ABSENT), find=find(name))
        for name in names
    )


def _bare(hint: Any) -> Any:
    """Without what a TypedDict says of its keys."""
    return get_args(hint)[0] if get_origin(hint) in (Required, NotRequired) else hint


def _maybe(member: Member) -> Member:
    """A key that a TypedDict does not require is just absent."""
    return dataclasses.replace(member, hint=member.hint | None, default=None)


def _defaults(fields: Iterable["dataclasses.Field[Any]"]) -> dict[str, Any]:
    found = {}
    for field in fields:
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return found


def _item(name: str, value: Mapping[str, Any]) -> Any:
    return value.get(name)


def _is_single(kind: type) -> bool:
    """Whether a class is the type of one value whatever it is made of: BoundingBox, and what reads and writes files."""
    reads_files = all(hasattr(kind, name) for name in ("formats", "receive", "deliver"))
    return reads_files or kind.__module__.startswith("cloche.authoring")
