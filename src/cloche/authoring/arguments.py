"""Inputs: from the parameters of a function, and the members of its classes, to descriptions and conversions."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloche.authoring import docstrings
from cloche.authoring.annotations import Input
from cloche.authoring.domains import Kind, kind_of, only
from cloche.authoring.errors import DeclarationError
from cloche.authoring.hints import Hint, read
from cloche.authoring.literals import LiteralKind, inside
from cloche.authoring.members import ABSENT, Member, members_of
from cloche.authoring.parameters import about, check_unique, describe, within
from cloche.model.process import Group, Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An input and the parameter of the function, or the member of a class, that it goes to."""

    name: str
    parameter: Parameter | Group
    kind: "Kind | Inside"
    container: type | None
    default: Any

    def gather(self, values: Sequence[Any]) -> Any:
        """What the function gets for the occurrences of the input."""
        if not values:
            if self.default is not ABSENT:
                return self.default
            if self.container and not self.parameter.min_occurs:
                return self.container()
            return self.kind.build({}) if isinstance(self.kind, Inside) and self.kind.spare else None
        return self.container(values) if self.container else values[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The kind of an input made of inputs: members of an author's class. ``spare``: it can be made of nothing."""

    make: Callable[..., Any]
    members: tuple[Argument, ...]
    spare: bool

    def build(self, values: Mapping[str, Sequence[Any]]) -> Any:
        """An instance out of values by identifier; the class's own defaults take the place of those that are absent."""
        given = {}
        for member in self.members:
            found = values.get(member.parameter.id, ())
            if found or member.default is ABSENT:
                given[member.name] = member.gather(found)
        return self.make(**given)


def argument_of(parameter: inspect.Parameter, hint: Any, said: str, around: tuple[type, ...] = ()) -> Argument:
    """The input of one parameter; ``said`` is what the docstring says of it, ``around`` are the classes that it is in.

    Raises DeclarationError.
    """
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise DeclarationError("inputs are passed by name: *args, **kwargs and positional-only parameters cannot be")
    if hint is None:
        raise DeclarationError("its type annotation is missing")
    taken = read(hint)
    note = taken.note or Input()
    if not isinstance(note, Input):
        raise DeclarationError("an input is annotated with Input(...), not Output(...)")
    members = members_of(taken.base)
    kind = kind_of(taken.base, note) if members is None else _inside(taken.base, members, note, around)
    least, most = _occurrences(taken, note, parameter.default)
    if isinstance(kind, LiteralKind):
        kind = _with_default(kind, taken, parameter.default)
    elif isinstance(kind, Inside):
        least = 0 if kind.spare and not taken.container else least
    elif parameter.default is not ABSENT and parameter.default is not None and not taken.container:
        raise DeclarationError("only literal inputs have defaults other than None")
    content = tuple(member.parameter for member in kind.members) if isinstance(kind, Inside) else kind.domain
    described = describe(parameter.name, note, said, content, min_occurs=least, max_occurs=most)
    return Argument(
        name=parameter.name, parameter=described, kind=kind, container=taken.container, default=parameter.default
    )


def _inside(base: type, members: tuple[Member, ...], note: Input, around: tuple[type, ...]) -> Inside:
    only(note, frozenset(), "an input made of inputs")
    if not members:
        raise DeclarationError(f"{base.__name__} has no members")
    said = docstrings.read(base.__doc__).parameters
    around = within(base, around)
    arguments = []
    for member in members:
        taken = inspect.Parameter(member.name, inspect.Parameter.KEYWORD_ONLY, default=member.default)
        with about(f"member {member.name}"):
            arguments.append(argument_of(taken, member.hint, said.get(member.name, ""), around))
    with about(base.__name__):
        check_unique("members", [argument.parameter.id for argument in arguments])
    spare = all(argument.parameter.min_occurs == 0 for argument in arguments)
    return Inside(make=base, members=tuple(arguments), spare=spare)


def _occurrences(taken: Hint, note: Input, default: Any) -> tuple[int, int | None]:
    if default is None and not taken.optional and not taken.container:
        raise DeclarationError("with default None the type is written X | None")
    if taken.container is None and (note.min_occurs is not None or note.max_occurs is not None):
        raise DeclarationError("min_occurs and max_occurs need list[...]")
    optional = taken.optional or default is not ABSENT
    least = note.min_occurs if note.min_occurs is not None else (0 if optional else 1)
    most = note.max_occurs if taken.container else 1
    if least < 0 or (most is not None and most < max(least, 1)):
        raise DeclarationError(f"min_occurs={least} and max_occurs={most} do not go together")
    return least, most


def _with_default(kind: LiteralKind, taken: Hint, default: Any) -> LiteralKind:
    """The kind with a default that clients are told of; one of several values cannot be described."""
    if taken.container is not None:
        items = () if default is ABSENT or default is None else tuple(default)
        for item in items:
            _default_text(kind, item)
        return kind
    if default is ABSENT or default is None:
        return kind
    domain = dataclasses.replace(kind.domain, default=_default_text(kind, default))
    return dataclasses.replace(kind, domain=domain)


def _default_text(kind: LiteralKind, default: Any) -> str:
    try:
        text, _ = kind.deliver(default, "")
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"the default is wrong: {error}") from None
    if not inside(text, kind.domain):
        raise DeclarationError(f"the default {default!r} is outside the allowed values")
    return text
