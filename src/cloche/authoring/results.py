"""Outputs: from a return annotation to descriptions, and to where each is found in what the function returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloche.authoring import docstrings
from cloche.authoring.annotations import Output
from cloche.authoring.domains import Kind, kind_of, only
from cloche.authoring.errors import DeclarationError
from cloche.authoring.hints import read
from cloche.authoring.members import members_of
from cloche.authoring.parameters import about, check_unique, describe, within
from cloche.model.process import Group, Parameter

RESULT = "result"
"""The identifier of a single output that is not given one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An output and where it is found in what the function returns: all of it, an attribute, or an item.

    An output made of outputs has these as ``members`` and no ``kind``.
    """

    name: str
    parameter: Parameter | Group
    find: Callable[[Any], Any]
    kind: Kind | None = None
    members: "tuple[Result, ...]" = ()

    @property
    def optional(self) -> bool:
        """Whether None means that there is no such output."""
        return self.parameter.min_occurs == 0


def results_of(hint: Any, docs: docstrings.Docstring, around: tuple[type, ...] = ()) -> tuple[Result, ...]:
    """The outputs of a return annotation: one, or the members of a dataclass, TypedDict or NamedTuple.

    ``around`` are the classes that it is in. Raises DeclarationError.
    """
    members = members_of(hint)
    if members is None:
        return (_result(RESULT, hint, docs.returns, (), find=lambda value: value),)
    if not members:
        raise DeclarationError(f"{hint.__name__} has no fields: a process has at least one output")
    around = within(hint, around)
    found = []
    for member in members:
        with about(f"output {member.name}"):
            said = docs.parameters.get(member.name, "")
            found.append(_result(member.name, member.hint, said, around, find=member.find))
    check_unique("outputs", [result.parameter.id for result in found])
    return tuple(found)


def _result(name: str, hint: Any, said: str, around: tuple[type, ...], *, find: Callable[[Any], Any]) -> Result:
    taken = read(hint)
    note = taken.note or Output()
    if not isinstance(note, Output):
        raise DeclarationError("an output is annotated with Output(...), not Input(...)")
    if taken.container is not None:
        raise DeclarationError("an output occurs once; use Json for a list, or several outputs")
    least = 0 if taken.optional else 1
    if members_of(taken.base) is None:
        kind = kind_of(taken.base, note)
        parameter = describe(name, note, said, kind.domain, min_occurs=least, max_occurs=1)
        return Result(name=name, parameter=parameter, kind=kind, find=find)
    only(note, frozenset(), "an output made of outputs")
    members = results_of(taken.base, docstrings.read(taken.base.__doc__), around)
    content = tuple(member.parameter for member in members)
    group = describe(name, note, said, content, min_occurs=least, max_occurs=1)
    return Result(name=name, parameter=group, members=members, find=find)
