"""Values against the JSON Schema of their input, before anything starts (clause 7.11.2.1)."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import structlog
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft4Validator, Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from cloche.model.domains import BoundingBoxDomain, ComplexDomain
from cloche.model.errors import WrongInputData
from cloche.model.process import Parameter
from cloche.protocols.ogcapi.forms import Pointer
from cloche.protocols.ogcapi.problems import INVALID, Fault, Problem, Refused, fragment
from cloche.protocols.ogcapi.schemas import media_types, schema
from cloche.values.literal import quote

log = structlog.get_logger("cloche.ogcapi")

_MOST_FAULTS = 20
_LONGEST = 300


class Check:
    """The schema of one input, compiled. ``own`` are the members that an author's schema gives to objects."""

    def __init__(self, parameter: Parameter) -> None:
        self._id = parameter.id
        domain = parameter.domain
        written = json.loads(domain.json_schema) if isinstance(domain, ComplexDomain) and domain.json_schema else None
        self.own = _members(written)
        self.media_types = media_types(written)
        self._validator = _compiled(parameter, written)

    def __call__(self, item: Any, pointer: Pointer) -> None:
        """Raises Refused with the place of every fault."""
        if self._validator is None:
            return
        faults = []
        for error in islice(_errors(self._validator, item), _MOST_FAULTS):
            place = ("inputs", *pointer, *error.absolute_path)
            faults.append(Fault(pointer=fragment(place), detail=_shortened(error.message)))
        if faults:
            detail = f"Input {self._id}: {faults[0].detail}"
            raise Refused(Problem(status=400, type=INVALID, title="Invalid input", detail=detail, faults=tuple(faults)))

    def accepts(self, item: Any) -> bool | None:
        """Whether the schema allows it; None where there is no schema."""
        return None if self._validator is None else next(_errors(self._validator, item), None) is None


def wrong(id: str, text: str, *given: str) -> WrongInputData:
    """The input's value cannot be that; ``given`` is shown."""
    return WrongInputData(f"Input {id}: {text}{' ' + quote(given[0]) if given else ''}", locator=id)


def _errors(validator: Validator, item: Any) -> Iterator[ValidationError]:
    """What is wrong with it, as far as the schema says: a reference that leads nowhere says nothing."""
    try:
        yield from validator.iter_errors(item)
    except Unresolvable as error:
        log.warning("JSON Schema of an input refers to what is not in it", reason=str(error)[:_LONGEST])


def _compiled(parameter: Parameter, written: Any) -> Validator | None:
    domain = parameter.domain
    if isinstance(domain, BoundingBoxDomain):
        return Draft4Validator(_any_spelling(schema(domain)))
    if not isinstance(domain, ComplexDomain):
        return Draft4Validator(schema(domain))
    if written is None:
        return None
    try:
        # `format` is an annotation, as the author wrote it; its draft is the one it names
        draft = validator_for(written, default=Draft202012Validator)
        draft.check_schema(written)
        # an empty registry: nothing is ever fetched
        return draft(written, registry=Registry())
    except SchemaError as error:
        # the process still validates its own input; the author learns of it here
        log.warning("JSON Schema of an input cannot be used", input=parameter.id, reason=str(error)[:_LONGEST])
        return None


def _any_spelling(box: dict[str, Any]) -> dict[str, Any]:
    """Reference systems are compared by meaning, later: any spelling goes."""
    described: dict[str, Any] = box["allOf"][1]
    return described | {"properties": described["properties"] | {"crs": {"type": "string"}}}


def _members(written: Any) -> frozenset[str]:
    if not isinstance(written, dict):
        return frozenset()
    branches = [written, *written.get("oneOf", ()), *written.get("anyOf", ()), *written.get("allOf", ())]
    return frozenset(str(name) for b in branches if isinstance(b, dict) for name in b.get("properties", ()))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
