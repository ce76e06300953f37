"""Execute requests in the query string (draft 2.0, class kvp-execute): the same request as it stands in a body."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Datatype
from cloche.model.process import Group, Parameter, ProcessDescription
from cloche.protocols.ogcapi.listing import Asked
from cloche.protocols.ogcapi.problems import bad_parameter

_NAME = re.compile(r"([^\[\]]+)(?:\[([A-Za-z]+)\])?")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_QUALIFIERS = ("mediaType", "encoding", "schema")
_LINK = ("href", "rel", "type", "hreflang", "title")

Members = dict[str, str]
"""What is said of one name: members by their names, the value itself under an empty one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """``accept`` and ``prefer`` stand for the headers of these names; None: the headers count."""

    body: bytes
    accept: str | None
    prefer: str | None


def read(asked: Asked, process: ProcessDescription) -> Query:
    """Raises Refused for what names neither an input nor an output, and for what is said twice."""
    said = _by_name(asked)
    said.pop("f", None)
    response = said.pop("response", {})
    inputs = {parameter.id.lower(): parameter for parameter in process.inputs}
    outputs = {output.id.lower(): output.id for output in process.outputs}
    body: dict[str, dict[str, Any]] = {"inputs": {}}
    for name, members in said.items():
        parameter, output = inputs.get(name), outputs.get(name)
        if parameter is None and output is None:
            raise bad_parameter(name[:80], "there is neither an input nor an output of that name.")
        if parameter is not None and (value := _value(parameter, members)) is not None:
            body["inputs"][parameter.id] = value
        elif parameter is not None and output is None:
            raise bad_parameter(name, "the value is missing.")
        if output is not None and members.get("include", "").lower() == "true":
            body.setdefault("outputs", {})[output] = _output(members)
    return Query(body=json.dumps(body).encode(), accept=response.get("f"), prefer=response.get("prefer"))


def _by_name(asked: Asked) -> dict[str, Members]:
    """Names in lower case (/req/kvp-execute/input-query-parameters)."""
    found: dict[str, Members] = {}
    for name in asked.values:
        matched = _NAME.fullmatch(name)
        if matched is None:
            raise bad_parameter(name[:80], "it is no name of an input or output.")
        members = found.setdefault(matched[1].lower(), {})
        if (matched[2] or "") in members:
            raise bad_parameter(name[:80], "it is given more than once.")
        members[matched[2] or ""] = asked.one(name) or ""
    return found


def _output(members: Members) -> dict[str, Any]:
    said = {} if "value" in members else {name: members[name] for name in _QUALIFIERS if name in members}
    return {"format": said} if said else {}


def _value(parameter: Parameter | Group, members: Members) -> Any:
    """The value of an input as JSON has it; None where none is given."""
    if "href" in members:
        return {name: members[name] for name in _LINK if name in members}
    if "value" in members:
        return {"value": members["value"]} | {name: members[name] for name in _QUALIFIERS if name in members}
    return _inline(parameter, members[""], members) if "" in members else None


def _inline(parameter: Parameter | Group, text: str, members: Members) -> Any:
    if isinstance(parameter, Group):
        return _json(text)
    if isinstance(parameter.domain, BoundingBoxDomain):
        return _box(text, members)
    if parameter.max_occurs == 1:
        return _one(parameter, text)
    several = _json(text) if text.startswith("[") else [_one(parameter, item) for item in text.split(",")]
    return several if isinstance(several, list) else _one(parameter, text)


def _one(parameter: Parameter, text: str) -> Any:
    domain = parameter.domain
    if isinstance(domain, ComplexDomain):
        return _json(text) if text[:1] in "{[" else text
    datatype = getattr(domain, "datatype", None)
    if datatype in (Datatype.INTEGER, Datatype.FLOAT) and _NUMBER.fullmatch(text):
        return json.loads(text)
    if datatype is Datatype.BOOLEAN and text in ("true", "false"):
        return text == "true"
    return text


def _box(text: str, members: Mapping[str, str]) -> dict[str, Any]:
    corners: Sequence[Any] = [json.loads(n) if _NUMBER.fullmatch(n.strip()) else n for n in text.split(",")]
    return {"bbox": corners} | ({"crs": members["crs"]} if "crs" in members else {})


def _json(text: str) -> Any:
    """A text that is no JSON stays a text: the schema of the input judges it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
