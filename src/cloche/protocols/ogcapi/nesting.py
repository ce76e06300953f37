"""Inputs made of inputs, and outputs made of outputs: objects in JSON (ADR 0014)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from cloche.model.domains import Domain
from cloche.model.errors import TooManyInputs
from cloche.model.process import SEPARATOR, Described, Group, Parameter, ProcessDescription, leaves
from cloche.protocols.ogcapi.checks import Check, wrong
from cloche.protocols.ogcapi.forms import Value, taken_apart, value
from cloche.protocols.ogcapi.problems import no_such_input
from cloche.values.literal import quote

Schema = dict[str, Any]


def object_schema(
    group: Group, of: Callable[[Domain], Schema], told: Callable[[Described], Schema], *, several: bool = True
) -> Schema:
    """What a group looks like; ``told`` is what is said of each member beside its schema.

    ``several``: members may occur more than once.
    """
    members = {}
    for member in group.parameters:
        one = of(member.domain) if isinstance(member, Parameter) else object_schema(member, of, told, several=several)
        members[member.id] = (one if not several or member.max_occurs == 1 else _array(one, member)) | told(member)
    found: Schema = {"type": "object", "properties": members, "additionalProperties": False}
    required = [member.id for member in group.parameters if needed(member)]
    return found | {"required": required} if required else found


def needed(parameter: Parameter | Group) -> bool:
    """Whether a client has to give it."""
    has_default = isinstance(parameter, Parameter) and getattr(parameter.domain, "default", None) is not None
    return parameter.min_occurs > 0 and not has_default


def inside(parameter: Parameter | Group, given: Value, path: str, key: str) -> Iterator[tuple[Parameter, str, Value]]:
    """Every value in ``given`` that is data, with its parameter, known by its path, and the key of its check.

    Raises Refused, TooManyInputs, WrongInputData.
    """
    if isinstance(parameter, Parameter):
        yield (parameter if path == parameter.id else replace(parameter, id=path)), key, given
        return
    known = {member.id: member for member in parameter.parameters}
    for start, occurrence in _occurrences(parameter, given, path):
        for name, raw in occurrence.members().items():
            inner = f"{start}{SEPARATOR}{name}"
            if name not in known:
                text = f"Input {start} has no input {quote(name)}. Inputs: {', '.join(known)}."
                raise no_such_input(text, ("inputs", *occurrence.pointer, name))
            item = value(raw, (*occurrence.pointer, name))
            yield from inside(known[name], item, inner, f"{key}{SEPARATOR}{name}")


def checks(process: ProcessDescription) -> dict[str, Check]:
    """Of every input that takes data, under the key that ``inside`` has for it."""
    return {leaf.id: Check(leaf) for leaf in leaves(process.inputs)}


def _array(items: Schema, member: Described) -> Schema:
    found: Schema = {"type": "array", "items": items}
    if member.min_occurs:
        found["minItems"] = member.min_occurs
    return found if member.max_occurs is None else found | {"maxItems": member.max_occurs}


def _occurrences(group: Group, given: Value, path: str) -> Iterator[tuple[str, Value]]:
    """One object may stand alone where several may be."""
    if group.max_occurs == 1:
        yield path, _object(group, given, path)
        return
    items = given.items() if given.first == "[" else [given]
    if group.max_occurs is not None and len(items) > group.max_occurs:
        text = f"Input {path} takes at most {group.max_occurs} values; {len(items)} given."
        raise TooManyInputs(text, locator=path)
    for number, item in enumerate(items):
        start = f"{path}{SEPARATOR}{number}"
        yield start, _object(group, item, start)


def _object(group: Group, given: Value, path: str) -> Value:
    found = taken_apart(given, frozenset(member.id for member in group.parameters))
    if not isinstance(found, Value) or found.first != "{":
        names = ", ".join(member.id for member in group.parameters)
        raise wrong(path, f"an object of inputs is expected: {names}.")
    return found
