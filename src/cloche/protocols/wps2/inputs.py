"""The inputs of an Execute document: what ``wps:Data`` holds, or where ``wps:Reference`` points (clause 9.6.2).

``wps:Data`` is text, XML of any kind, or one of the standard's own elements, and nothing but the description of the
process tells which was meant.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from cloche.model.data import BoundingBoxData, ComplexData, Input, InputData, LiteralData, ReferenceData
from cloche.model.domains import BoundingBoxDomain, LiteralDomain
from cloche.model.errors import InputError, NoSuchInput, TooManyInputs, WrongInputData
from cloche.model.formats import Format
from cloche.model.process import SEPARATOR, Group, Parameter
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._ows.errors import missing
from cloche.protocols._ows.nodes import Node, Payload
from cloche.protocols.wps2 import names
from cloche.values import boxes

PAYLOADS = frozenset({("Input", "Data"), ("Data", "ComplexData"), ("Reference", "Body")})
LITERALS = ("LiteralValue", "LiteralData")
BOXES = ("BoundingBox", "BoundingBoxData", "WGS84BoundingBox")
STRUCTURAL = frozenset(
    # those of version 1.0.0 are what clients of both send
    f"{namespace}}}{name}"
    for namespace, own in ((names.WPS, (*LITERALS, *BOXES, "ComplexData")), (names.OWS, BOXES))
    for name in own
)
"""Elements in ``wps:Data`` that are the request's own."""
LONGEST_LITERAL = 1 << 22


def read(
    nodes: Iterable[Node], parameters: Sequence[Parameter | Group], deposit: Deposit, *, within: str = ""
) -> Iterator[Input]:
    """Every ``wps:Input``; ``within`` is the path of the input that they are in. Raises OwsError, InputError."""
    known = {parameter.id: parameter for parameter in parameters}
    counts: Counter[str] = Counter()
    for node in nodes:
        own = node.get("id") or node.child_text("Identifier")
        if not own:
            raise missing("id")
        parameter, inner = known.get(own), list(node.all("Input"))
        path = within + own
        if SEPARATOR in own:
            raise NoSuchInput(f"There is no input {own[:80]}.", locator=path)
        if not isinstance(parameter, Group):
            if inner:
                raise NoSuchInput(f"Input {path[:80]} has no inputs inside.", locator=path)
            yield _leaf(node, path, parameter, deposit)
            continue
        if not inner:
            names = ", ".join(known.id for known in parameter.parameters)
            raise WrongInputData(f"Input {path} is made of inputs: {names}.", locator=path)
        start = _occurrence(parameter, path, counts[own])
        counts[own] += 1
        yield from read(inner, parameter.parameters, deposit, within=start + SEPARATOR)


def _occurrence(group: Group, path: str, number: int) -> str:
    """The path of an occurrence."""
    if group.max_occurs != 1:
        return f"{path}{SEPARATOR}{number}"
    if number:
        raise TooManyInputs(f"Input {path} takes at most 1 value.", locator=path)
    return path


def _leaf(node: Node, identifier: str, parameter: Parameter | None, deposit: Deposit) -> Input:
    reference, data = node.first("Reference"), node.first("Data")
    try:
        if reference is not None:
            return Input(id=identifier, data=_reference(reference))
        if data is None:
            raise WrongInputData(f"Input {identifier} has neither Data nor Reference.")
        return Input(id=identifier, data=_data(data, parameter, deposit, identifier))
    except InputError as error:
        error.locator = error.locator or identifier
        raise


def _data(data: Node, parameter: Parameter | None, deposit: Deposit, identifier: str) -> InputData:
    if data.payload is not None:
        return _payload(data.payload, _format(data), parameter, deposit)
    (value, *more) = data.children
    if more:
        raise WrongInputData(f"Input {identifier}: Data holds more than one element.")
    if value.payload is not None:
        return _payload(value.payload, _format(value, data), parameter, deposit)
    if value.name in LITERALS:
        return LiteralData(value="".join(value.pieces), datatype=value.get("dataType"), uom=value.get("uom"))
    return BoundingBoxData(
        lower=boxes.corner(value.child_text("LowerCorner"), identifier),
        upper=boxes.corner(value.child_text("UpperCorner"), identifier),
        crs=value.get("crs"),
    )


def _payload(payload: Payload, format: Format, parameter: Parameter | None, deposit: Deposit) -> InputData:
    """Text is a literal where the process takes one. An input that it does not have is refused by name later."""
    domain = parameter.domain if parameter is not None else None
    if isinstance(domain, LiteralDomain) and not payload.is_xml:
        return LiteralData(value=_text(payload, deposit))
    if isinstance(domain, LiteralDomain):
        raise WrongInputData("A literal value is text, or text in wps:LiteralValue.")
    if isinstance(domain, BoundingBoxDomain):
        raise WrongInputData("A bounding box is an ows:BoundingBox.")
    return ComplexData(file=payload.name, format=format, size=payload.size)


def _text(payload: Payload, deposit: Deposit) -> str:
    try:
        return deposit.take(payload.name, max_bytes=LONGEST_LITERAL).decode()
    except UnicodeDecodeError:
        raise WrongInputData("A literal value is text in UTF-8.") from None


def _reference(node: Node) -> ReferenceData:
    """With a body it is fetched by POST; there is no attribute that says so (WPS 2.0 dropped it)."""
    body, body_reference = node.first("Body"), node.first("BodyReference")
    posted = body is not None or body_reference is not None
    return ReferenceData(
        href=node.get("href"),
        format=_format(node),
        method=node.get("method").upper() or ("POST" if posted else "GET"),
        headers=tuple((header.get("key"), header.get("value")) for header in node.all("Header") if header.get("key")),
        body=body.payload.name if body is not None and body.payload is not None else None,
        body_href=body_reference.get("href") if body_reference is not None else None,
    )


def _format(*nodes: Node) -> Format:
    """Each attribute from the first node that has it."""

    def given(name: str) -> str:
        return next((value for node in nodes if (value := node.get(name))), "")

    return Format(media_type=given("mimeType"), encoding=given("encoding"), schema=given("schema"))
