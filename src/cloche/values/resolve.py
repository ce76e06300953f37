"""A request against the description of its process: the canonical request comes out, or the reason why not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cloche.model.data import BoundingBoxData, ComplexData, Input, InputData, LiteralData, ReferenceData
from cloche.model.domains import BoundingBoxDomain, ComplexDomain, LiteralDomain
from cloche.model.errors import BadRequest, NoSuchFormat, NoSuchOutput, WrongInputData
from cloche.model.execute import Execute, OutputRequest, Response
from cloche.model.process import SEPARATOR, Parameter, ProcessDescription, leaves
from cloche.values import boxes, formats, literal, occurrences, sizes


def resolve(description: ProcessDescription, execute: Execute, *, max_input_bytes: int | None) -> Execute:
    """The request with canonical values, every default filled in and every output named with a full format.

    Occurrences keep the client's order; defaults of absent inputs follow in the description's. References are left to
    be fetched: of a literal too, whose text is parsed after that. Raises every InputError but DataNotAccessible,
    NoSuchOutput, NoSuchFormat, BadRequest; the locator is the identifier of the input or output.
    """
    paths = [item.id for item in execute.inputs]
    occurrences.check(description.id, description.inputs, paths)
    given = [_resolve_input(description, item, max_input_bytes) for item in execute.inputs]
    defaults = [Input(id=path, data=data) for path, data in occurrences.absent(description.inputs, paths)]
    return replace(
        execute,
        process=description.id,
        inputs=(*given, *defaults),
        outputs=_resolve_outputs(description, execute),
    )


def _resolve_input(description: ProcessDescription, item: Input, max_input_bytes: int | None) -> Input:
    parameter = description.input(item.id)
    assert parameter is not None
    return replace(item, data=_resolve_data(parameter, item.data, max_input_bytes))


def _resolve_data(parameter: Parameter, data: InputData, max_input_bytes: int | None) -> InputData:
    match parameter.domain, data:
        case LiteralDomain() as domain, LiteralData():
            sizes.check(len(data.value.encode("utf-8", "replace")), max_input_bytes, parameter.id)
            return literal.parse(data.value, domain, parameter.id, uom=data.uom, datatype=data.datatype)
        case BoundingBoxDomain() as domain, BoundingBoxData():
            return boxes.check(data, domain, parameter.id)
        case ComplexDomain() as domain, ComplexData():
            sizes.check(data.size, sizes.least(domain.max_bytes, max_input_bytes), parameter.id)
            return replace(data, format=formats.match(data.format, domain.formats, parameter.id))
        case ComplexDomain() as domain, ReferenceData():
            _check_reference(parameter, data)
            found = formats.match(data.format, domain.formats, parameter.id)
            # what a reference delivers is encoded only where the client says so
            return replace(data, format=replace(found, encoding=data.format.encoding.strip().lower()))
        case LiteralDomain(), ReferenceData():
            _check_reference(parameter, data)
            return data
        case _:
            raise WrongInputData(f"Input {parameter.id} takes {_kind(parameter)}.", locator=parameter.id)


def _check_reference(parameter: Parameter, data: ReferenceData) -> None:
    if not data.href.strip():
        raise WrongInputData(f"Input {parameter.id}: the reference has no address.", locator=parameter.id)
    if data.method not in ("GET", "POST"):
        raise WrongInputData(f"Input {parameter.id}: a reference is read by GET or POST.", locator=parameter.id)
    if data.method == "GET" and (data.body is not None or data.body_href is not None):
        raise WrongInputData(f"Input {parameter.id}: only a POST reference has a body.", locator=parameter.id)


def _kind(parameter: Parameter) -> str:
    match parameter.domain:
        case LiteralDomain(datatype=datatype):
            return f"a literal value of type {datatype.value}"
        case BoundingBoxDomain():
            return "a bounding box"
        case ComplexDomain(formats=supported):
            return f"complex data: {'; '.join(formats.show(known) for known in supported)}"


def _resolve_outputs(description: ProcessDescription, execute: Execute) -> tuple[OutputRequest, ...]:
    if execute.response is Response.NONE:
        return ()
    asked = execute.outputs or tuple(OutputRequest(id=output.id) for output in description.outputs)
    wanted = [inner for request in asked for inner in _inside(description, request)]
    if execute.response is Response.RAW and len(wanted) != 1:
        raise BadRequest(
            f"A raw response holds exactly one output. Outputs: {_outputs(description)}.", locator="response"
        )
    repeated = [name for name, count in Counter(request.id for request in wanted).items() if count > 1]
    if repeated:
        raise BadRequest(f"Output {literal.quote(repeated[0])} is asked for more than once.", locator=repeated[0])
    return tuple(_resolve_output(description, request) for request in wanted)


def _inside(description: ProcessDescription, request: OutputRequest) -> Sequence[OutputRequest]:
    """Of an output that is made of outputs, every one that gives data; they come as the outer one is asked for."""
    group = description.output_group(request.id)
    if group is None:
        return (request,)
    if request.format is not None and any((request.format.media_type, request.format.encoding, request.format.schema)):
        names = ", ".join(inner.id for inner in group.parameters)
        text = f"Output {request.id} is made of outputs, which have the formats: {names}."
        raise NoSuchFormat(text, locator=request.id)
    inside = leaves(group.parameters, within=request.id + SEPARATOR)
    return [replace(request, id=inner.id, format=None) for inner in inside]


def _resolve_output(description: ProcessDescription, request: OutputRequest) -> OutputRequest:
    parameter = description.output(request.id)
    if parameter is None:
        raise NoSuchOutput(
            f"Process {description.id} has no output {literal.quote(request.id)}. Outputs: {_outputs(description)}.",
            locator=request.id,
        )
    domain = parameter.domain
    if isinstance(domain, ComplexDomain):
        return replace(request, format=formats.match(request.format, domain.formats, request.id))
    return replace(request, uom=_output_unit(request, domain))


def _output_unit(request: OutputRequest, domain: LiteralDomain | BoundingBoxDomain) -> str:
    if isinstance(domain, BoundingBoxDomain):
        return ""
    try:
        return literal.unit(request.uom, domain, request.id)
    except WrongInputData as error:
        raise BadRequest(error.text, locator=request.id) from None


def _outputs(description: ProcessDescription) -> str:
    return ", ".join(output.id for output in description.outputs)
