"""WPS 2.0 requests in XML."""

from collections.abc import Iterable, Iterator, Sequence

from cloche.model.errors import NoSuchOutput
from cloche.model.execute import Execute, Mode, OutputRequest, Response
from cloche.model.formats import Format
from cloche.model.process import SEPARATOR, Group, Parameter, ProcessDescription
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._ows.errors import Code, OwsError, invalid, missing
from cloche.protocols._ows.nodes import Node
from cloche.protocols._ows.operations import check_service, check_version
from cloche.protocols.wps2 import inputs, names
from cloche.protocols.wps2.requests import (
    EXTENSION,
    OPERATIONS,
    PROTOCOL,
    VERSION,
    DescribeProcess,
    GetCapabilities,
    JobRequest,
)

NAMESPACES = frozenset({names.WPS, EXTENSION, names.OWS, ""})
"""The third is the common form of GetCapabilities."""


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
        accept_languages=_texts(root, "AcceptLanguages", "Language"),
        update_sequence=root.get("updateSequence"),
    )


def describe_process(root: Node) -> DescribeProcess:
    """Raises OwsError."""
    check_version(root.get("version"), VERSION)
    identifiers = tuple(child.text for child in root.all("Identifier") if child.text)
    if not identifiers:
        raise missing("Identifier")
    return DescribeProcess(identifiers=identifiers, language=root.get("lang"))


def job_request(root: Node) -> JobRequest:
    """Raises OwsError."""
    check_version(root.get("version"), VERSION)
    job = root.child_text("JobID")
    if not job:
        raise missing("JobID")
    return JobRequest(operation=root.name, job=job)


def process_identifier(root: Node) -> str:
    """The process that Execute names: its description says how to read the inputs. Raises OwsError."""
    check_version(root.get("version"), VERSION)
    identifier = root.child_text("Identifier")
    if not identifier:
        raise missing("Identifier")
    return identifier


def execute_request(root: Node, description: ProcessDescription, deposit: Deposit) -> Execute:
    """Raises OwsError, InputError, NoSuchOutput.

    An asynchronous job is what WPS 1.0.0 calls stored, its status kept up to date.
    """
    mode = Mode(_choice(root, "mode", tuple(Mode)))
    return Execute(
        process=description.id,
        protocol=PROTOCOL,
        mode=mode,
        store=mode is not Mode.SYNC,
        status=mode is not Mode.SYNC,
        inputs=tuple(inputs.read(root.all("Input"), description.inputs, deposit)),
        outputs=tuple(_outputs(root.all("Output"), description.outputs)),
        response=Response(_choice(root, "response", (Response.RAW, Response.DOCUMENT))),
    )


def _texts(root: Node, container: str, item: str) -> tuple[str, ...]:
    found = root.first(container)
    return tuple(node.text for node in found.all(item) if node.text) if found is not None else ()


def _choice(node: Node, name: str, choices: tuple[str, ...], *, default: str = "") -> str:
    given = node.get(name) or default
    if not given:
        raise missing(name)
    if given not in choices:
        raise invalid(name, f"{name} is {' or '.join(choices)}, not {given[:80]}.")
    return given


def _outputs(
    nodes: Iterable[Node], parameters: Sequence[Parameter | Group], *, within: str = ""
) -> Iterator[OutputRequest]:
    """What is asked for; an output made of outputs without one inside stands for all of them."""
    known = {parameter.id: parameter for parameter in parameters}
    for node in nodes:
        own = node.get("id")
        if not own:
            raise missing("id")
        parameter, inner = known.get(own), list(node.all("Output"))
        path = within + own
        if SEPARATOR in own:
            raise NoSuchOutput(f"There is no output {own[:80]}.", locator=path)
        if not inner:
            yield _output(node, path)
        elif isinstance(parameter, Group):
            yield from _outputs(inner, parameter.parameters, within=path + SEPARATOR)
        else:
            raise NoSuchOutput(f"Output {path[:80]} has no outputs inside.", locator=path)


def _output(node: Node, path: str) -> OutputRequest:
    transmission = _choice(node, "transmission", ("value", "reference"), default="value")
    return OutputRequest(
        id=path,
        format=Format(media_type=node.get("mimeType"), encoding=node.get("encoding"), schema=node.get("schema")),
        as_reference=transmission == "reference",
    )
