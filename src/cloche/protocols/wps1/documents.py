"""WPS 1.0.0 requests in XML."""

from cloche.model.data import BoundingBoxData, ComplexData, Input, InputData, LiteralData, ReferenceData
from cloche.model.errors import WrongInputData
from cloche.model.execute import Execute, Mode, OutputRequest, Response
from cloche.model.formats import Format
from cloche.protocols._ows.errors import Code, OwsError, invalid, missing
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.operations import boolean, check_service, check_version
from cloche.protocols.wps1.requests import OPERATIONS, PROTOCOL, VERSION, DescribeProcess, GetCapabilities
from cloche.values import boxes

PAYLOADS = frozenset({("Data", "ComplexData"), ("Reference", "Body")})
# the second is what EOxServer's clients send, the third the common form of GetCapabilities
NAMESPACES = frozenset(
    {"http://www.opengis.net/wps/1.0.0", "http://www.opengis.net/wps/1.0", "http://www.opengis.net/ows/1.1", ""}
)


def operation(root: Node) -> str:
    """The operation that the root element names. Raises OwsError."""
    if root.name not in OPERATIONS:  # unlike a KVP name, an element's is case-sensitive: getcapabilities is nothing
        text = f"The element {root.name[:80]} is no request; {', '.join(OPERATIONS)} are."
        raise OwsError(Code.OPERATION_NOT_SUPPORTED, text, locator=root.name[:80])
    if root.namespace not in NAMESPACES:
        raise invalid("version", f"Requests in the namespace {root.namespace[:200]} are not answered here.")
    check_service(root.get("service"))
    return root.name


def get_capabilities(root: Node) -> GetCapabilities:
    """Never fails: what is asked for is negotiated later."""
    return GetCapabilities(
        accept_versions=_texts(root, "AcceptVersions", "Version"),
        version=root.get("version"),
        sections=_texts(root, "Sections", "Section"),
        accept_formats=_texts(root, "AcceptFormats", "OutputFormat"),
        update_sequence=root.get("updateSequence"),
        language=root.get("language"),
    )


def describe_process(root: Node) -> DescribeProcess:
    """Raises OwsError."""
    check_version(root.get("version"), VERSION)
    identifiers = tuple(child.text for child in root.all("Identifier") if child.text)
    if not identifiers:
        raise missing("Identifier")
    return DescribeProcess(identifiers=identifiers, language=root.get("language"))


def execute_request(root: Node) -> Execute:
    """Raises OwsError, InputError."""
    check_version(root.get("version"), VERSION)
    identifier = root.child_text("Identifier")
    if not identifier:
        raise missing("Identifier")
    inputs = root.first("DataInputs")
    form = root.first("ResponseForm")
    document = form.first("ResponseDocument") if form is not None else None
    raw = form.first("RawDataOutput") if form is not None else None
    if raw is not None and document is not None:
        raise invalid("RawDataOutput", "Either RawDataOutput or ResponseDocument may be given, not both.")
    wanted = [raw] if raw is not None else list(document.all("Output")) if document is not None else []
    store = _flag(document, "storeExecuteResponse")
    return Execute(
        process=identifier,
        protocol=PROTOCOL,
        mode=Mode.ASYNC if store else Mode.SYNC,
        store=store,
        inputs=tuple(_input(node) for node in inputs.all("Input")) if inputs is not None else (),
        outputs=tuple(_output(node) for node in wanted),
        response=Response.DOCUMENT if raw is None else Response.RAW,
        status=_flag(document, "status"),
        lineage=_flag(document, "lineage"),
        language=root.get("language"),
    )


def _texts(root: Node, container: str, item: str) -> tuple[str, ...]:
    found = root.first(container)
    return tuple(node.text for node in found.all(item) if node.text) if found is not None else ()


def _flag(document: Node | None, name: str) -> bool:
    return document is not None and boolean(document.get(name), name)


def _output(node: Node) -> OutputRequest:
    identifier = node.child_text("Identifier")
    if not identifier:
        raise missing("Identifier")
    return OutputRequest(
        id=identifier,
        format=_format(node),
        as_reference=boolean(node.get("asReference"), "asReference"),
        uom=node.get("uom"),
        title=node.child_text("Title"),
        abstract=node.child_text("Abstract"),
    )


def _input(node: Node) -> Input:
    identifier = node.child_text("Identifier")
    if not identifier:
        raise missing("Identifier")
    reference, data = node.first("Reference"), node.first("Data")
    if reference is not None:
        return Input(id=identifier, data=_reference(reference))
    if data is None:
        raise WrongInputData(f"Input {identifier} has neither Data nor Reference.", locator=identifier)
    return Input(id=identifier, data=_data(data, identifier))


def _data(data: Node, identifier: str) -> InputData:
    value = data.children[0] if data.children else None
    if value is None:
        return LiteralData(value="".join(data.pieces))
    if value.payload is not None:
        return ComplexData(file=value.payload.name, format=_format(value), size=value.payload.size)
    if value.name == "LiteralData":
        return LiteralData(value="".join(value.pieces), datatype=value.get("dataType"), uom=value.get("uom"))
    if value.name in {"BoundingBoxData", "BoundingBox", "WGS84BoundingBox"}:
        return BoundingBoxData(
            lower=boxes.corner(value.child_text("LowerCorner"), identifier),
            upper=boxes.corner(value.child_text("UpperCorner"), identifier),
            crs=value.get("crs"),
        )
    raise WrongInputData(f"Input {identifier}: Data holds {value.name[:80]}, which is no data.", locator=identifier)


def _reference(node: Node) -> ReferenceData:
    body, body_reference = node.first("Body"), node.first("BodyReference")
    # GET is the default, yet many clients send a body and no method
    default = "GET" if body is None and body_reference is None else "POST"
    return ReferenceData(
        href=node.get("href"),
        format=_format(node),
        method=node.get("method").upper() or default,
        headers=tuple((header.get("key"), header.get("value")) for header in node.all("Header") if header.get("key")),
        body=body.payload.name if body is not None and body.payload is not None else None,
        body_href=body_reference.get("href") if body_reference is not None else None,
    )


def _format(node: Node) -> Format:
    return Format(media_type=node.get("mimeType"), encoding=node.get("encoding"), schema=node.get("schema"))
