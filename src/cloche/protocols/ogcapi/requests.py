"""The body of an execute request (``execute.yaml``, clause 7.11.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from cloche.model.data import Input
from cloche.model.domains import ComplexDomain
from cloche.model.execute import Execute, Mode, OutputRequest, Response, Subscriber
from cloche.model.formats import Format
from cloche.model.process import ProcessDescription
from cloche.protocols._http.deposit import Deposit
from cloche.protocols.ogcapi import nesting
from cloche.protocols.ogcapi.checks import Check
from cloche.protocols.ogcapi.forms import NO_FORMAT, value
from cloche.protocols.ogcapi.inputs import InputReader
from cloche.protocols.ogcapi.negotiation import quality
from cloche.protocols.ogcapi.problems import bad_request, no_such_input
from cloche.values.literal import quote


class FormatBody(Struct, rename="camel"):
    """``format.yaml``."""

    media_type: str = ""
    encoding: str = ""
    schema: str | dict[str, Raw] = ""


class OutputBody(Struct, rename="camel"):
    """``output.yaml``."""

    format: FormatBody = field(default_factory=FormatBody)
    transmission_mode: Literal["value", "reference"] = "value"


class SubscriberBody(Struct, rename="camel"):
    """``subscriber.yaml``, with the name that it has in the text; ``successUrl`` is a slip of the published schema."""

    success_uri: str = ""
    success_url: str = ""
    in_progress_uri: str = ""
    failed_uri: str = ""


class ExecuteBody(Struct):
    """Members that the standard does not know are left alone."""

    inputs: dict[str, Raw] | None = None
    outputs: dict[str, OutputBody] | None = None
    response: Literal["raw", "document"] | UnsetType = UNSET
    subscriber: SubscriberBody | None = None


LONGEST_KEY = 255
"""Characters of an Idempotency-Key."""

_decoder = msgspec.json.Decoder(ExecuteBody)


def decode(body: bytes | memoryview) -> ExecuteBody:
    """The body taken apart; values of inputs are left as they are. Raises Refused."""
    try:
        return _decoder.decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise bad_request(f"The request is not an execute request: {error}.", pointer=_pointer(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"The request is not JSON: {error}.") from None
    except RecursionError:
        raise bad_request("The request is nested too deep.") from None


def execute(
    body: ExecuteBody,
    process: ProcessDescription,
    checks: Mapping[str, Check],
    deposit: Deposit,
    *,
    mode: Mode,
    accept: str | None = None,
) -> Execute:
    """What the client asked for. ``accept``, of draft 2.0, chooses the format of a single output.

    Raises Refused, InputError.
    """
    outputs = tuple(_output(name, wanted) for name, wanted in (body.outputs or {}).items())
    names = [wanted.id for wanted in outputs] or [output.id for output in process.outputs]
    if accept is not None and len(names) == 1:
        outputs = _negotiated(outputs or (OutputRequest(id=names[0]),), process, accept)
    return Execute(
        process=process.id,
        inputs=_inputs(body.inputs or {}, process, checks, deposit),
        outputs=outputs,
        mode=mode,
        response=_response(body, names, process, draft=accept is not None),
        store=mode is Mode.ASYNC,
        status=mode is Mode.ASYNC,
        protocol="ogcapi",
    )


def _response(body: ExecuteBody, names: Sequence[str], process: ProcessDescription, *, draft: bool) -> Response:
    """In draft 2.0 several outputs come as a document, and an empty selection is one of nothing."""
    if draft and body.outputs == {}:
        return Response.NONE
    if body.response == "document" or (draft and body.response is UNSET and len(names) > 1):
        return Response.DOCUMENT
    return Response.RAW if len(names) == 1 and process.output_group(names[0]) is None else Response.PARTS


def _negotiated(
    outputs: tuple[OutputRequest, ...], process: ProcessDescription, accept: str
) -> tuple[OutputRequest, ...]:
    """A single output of complex data in the format that the client likes best, unless it says which."""
    (wanted,) = outputs
    parameter = process.output(wanted.id)
    if wanted.format is not None or parameter is None or not isinstance(parameter.domain, ComplexDomain):
        return outputs
    first, *others = parameter.domain.formats
    best = max(others, key=lambda known: quality(accept, known.media_type), default=first)
    if quality(accept, best.media_type) <= quality(accept, first.media_type):
        return outputs
    return (replace(wanted, format=best),)


def subscriber(body: ExecuteBody) -> Subscriber | None:
    """Raises Refused for what is no web address."""
    given = body.subscriber
    if given is None:
        return None
    found = Subscriber(
        success=given.success_uri or given.success_url, in_progress=given.in_progress_uri, failed=given.failed_uri
    )
    for name, href in (
        ("successUri", found.success),
        ("inProgressUri", found.in_progress),
        ("failedUri", found.failed),
    ):
        if href and not _is_address(href):
            raise bad_request(f"{name} is not an http or https address.", pointer=("subscriber", name))
    return found if found != Subscriber() else None


def _inputs(
    inputs: dict[str, Raw], process: ProcessDescription, checks: Mapping[str, Check], deposit: Deposit
) -> tuple[Input, ...]:
    reader = InputReader(deposit)
    found: list[Input] = []
    for name, raw in inputs.items():
        known = next((parameter for parameter in process.inputs if parameter.id == name), None)
        if known is None:
            allowed = ", ".join(parameter.id for parameter in process.inputs) or "none"
            text = f"Process {process.id} has no input {quote(name)}. Inputs: {allowed}."
            raise no_such_input(text, ("inputs", name))
        try:
            for parameter, key, given in nesting.inside(known, value(raw, (name,)), name, name):
                found += reader.read(parameter, checks[key], given)
        except RecursionError:
            raise bad_request(f"Input {name} is nested too deep.", pointer=("inputs", name)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = f"Input {name}: the value is not well-formed."
            raise bad_request(text, pointer=("inputs", name)) from None
    return tuple(found)


def _output(id: str, wanted: OutputBody) -> OutputRequest:
    said = wanted.format
    asked = Format(
        media_type=said.media_type,
        encoding=said.encoding,
        schema=said.schema if isinstance(said.schema, str) else "",
    )
    return OutputRequest(
        id=id,
        format=asked if asked != NO_FORMAT else None,
        as_reference=wanted.transmission_mode == "reference",
    )


def _is_address(href: str) -> bool:
    try:
        parts = urlsplit(href)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _pointer(error: str) -> tuple[str, ...] | None:
    """Msgspec ends its texts with a path: ``- at `$.outputs[...].transmissionMode```."""
    _, found, path = error.rpartition(" - at `$")
    return tuple(step for step in path.rstrip("`").split(".") if step and "[" not in step) if found else None
