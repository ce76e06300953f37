"""The forms that one value of an input may have in a request: inline, qualified, link (clause 7.11.2.1)."""

from dataclasses import dataclass
from typing import Any

import msgspec

from cloche.model.data import ReferenceData
from cloche.model.formats import Format
from cloche.protocols.ogcapi.problems import bad_request

Pointer = tuple[str | int, ...]
NO_FORMAT = Format(media_type="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value where it stands. ``raw`` is its JSON; ``format`` is what the request says of it."""

    raw: memoryview
    pointer: Pointer
    format: Format = NO_FORMAT

    @property
    def first(self) -> str:
        """The first character: tells what kind of JSON it is."""
        return chr(self.raw[0])

    def members(self) -> dict[str, msgspec.Raw]:
        """Of an object, each still JSON."""
        return msgspec.json.decode(self.raw, type=dict[str, msgspec.Raw])

    def items(self) -> list["Value"]:
        """Of an array."""
        found = msgspec.json.decode(self.raw, type=list[msgspec.Raw])
        return [value(item, (*self.pointer, number), self.format) for number, item in enumerate(found)]

    def decoded(self) -> Any:
        """As Python has it."""
        return msgspec.json.decode(self.raw)


def value(raw: msgspec.Raw, pointer: Pointer, format: Format = NO_FORMAT) -> Value:
    """A value without the white space around it."""
    view = memoryview(raw)
    start, end = 0, len(view)
    while start < end and view[start] in b" \t\r\n":
        start += 1
    while end > start and view[end - 1] in b" \t\r\n":
        end -= 1
    return Value(raw=view[start:end], pointer=pointer, format=format)


def taken_apart(given: Value, own: frozenset[str]) -> Value | ReferenceData:
    """What a link leads to, or the value itself out of a qualified one.

    ``own`` are members that the input's own schema has: they mean what it says (CHECKLIST D 4). Raises Refused.
    """
    if given.first != "{":
        return given
    members = given.members()
    if "href" in members and "href" not in own:
        return _link(members, given.pointer)
    if "value" in members and "value" not in own:
        return value(members["value"], (*given.pointer, "value"), _format(members, given.pointer))
    return given


def _link(members: dict[str, msgspec.Raw], pointer: Pointer) -> ReferenceData:
    """``link.yaml``; older clients qualify it like a value."""
    said = _format(members, pointer)
    kind = _text(members, "type", pointer)
    return ReferenceData(
        href=_text(members, "href", pointer),
        format=Format(media_type=kind or said.media_type, encoding=said.encoding, schema=said.schema),
    )


def _format(members: dict[str, msgspec.Raw], pointer: Pointer) -> Format:
    """``format.yaml``, beside the value or nested in ``format``, where the conformance suite puts it."""
    nested = members.get("format")
    if nested is not None and bytes(nested).lstrip()[:1] == b"{":
        inner = msgspec.json.decode(nested, type=dict[str, msgspec.Raw])
        pointer = (*pointer, "format")
        members = {key: item for key, item in members.items() if key in ("mediaType", "encoding", "schema")} | inner
    schema = members.get("schema")
    written_out = schema is not None and bytes(schema).lstrip()[:1] == b"{"
    return Format(
        media_type=_text(members, "mediaType", pointer),
        encoding=_text(members, "encoding", pointer),
        schema="" if written_out else _text(members, "schema", pointer),
    )


def _text(members: dict[str, msgspec.Raw], name: str, pointer: Pointer) -> str:
    raw = members.get(name)
    if raw is None or bytes(raw) == b"null":
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.ValidationError:
        raise bad_request(f"{name} is a text.", pointer=("inputs", *pointer, name)) from None
