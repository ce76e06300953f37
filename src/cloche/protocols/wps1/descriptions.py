"""The DescribeProcess response (WPS 1.0.0 clause 9.3). Below ProcessDescription only ows elements are qualified."""

from collections.abc import Sequence

from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Datatype, LiteralDomain, Range
from cloche.model.formats import Format
from cloche.model.process import Parameter, ProcessDescription
from cloche.protocols._http.languages import translated
from cloche.protocols._ows.markup import leaf, leaves, node, optional
from cloche.protocols.wps1 import names, nesting
from cloche.protocols.wps1.capabilities import brief, metadata_links
from cloche.protocols.wps1.form import stores

UNBOUNDED = 2**31 - 1
MEGABYTE = 1 << 20
DATATYPES = "http://www.w3.org/TR/xmlschema-2/#"


def process_descriptions(processes: Sequence[ProcessDescription], *, language: str, max_input_bytes: int | None) -> str:
    """``wps:ProcessDescriptions``, in the order given. ``max_input_bytes`` is what the server takes at most."""
    return "".join(
        (
            names.root("wps:ProcessDescriptions", "wpsDescribeProcess_response.xsd", language, {}),
            *(_description(process, language, max_input_bytes) for process in processes),
            "</wps:ProcessDescriptions>",
        )
    )


def datatype_name(datatype: Datatype) -> str:
    """What clients know the type as: OWSLib and birdy read ``float`` and not ``double``, of the same value space."""
    return "float" if datatype is Datatype.FLOAT else datatype.value


def _description(process: ProcessDescription, language: str, max_input_bytes: int | None) -> str:
    supported = "true" if stores(process) else "false"
    inputs = "".join(_input(parameter, language, max_input_bytes) for parameter in nesting.flattened(process.inputs))
    return node(
        "ProcessDescription",
        brief(process, language),
        node("DataInputs", inputs) if inputs else "",
        node("ProcessOutputs", *(_output(parameter, language) for parameter in nesting.flattened(process.outputs))),
        attributes={
            "wps:processVersion": process.version,
            "storeSupported": supported,
            "statusSupported": supported,
        },
    )


def _input(parameter: Parameter, language: str, max_input_bytes: int | None) -> str:
    most = UNBOUNDED if parameter.max_occurs is None else parameter.max_occurs
    return node(
        "Input",
        _head(parameter, language),
        _input_form(parameter, max_input_bytes),
        attributes={"minOccurs": str(parameter.min_occurs), "maxOccurs": str(most)},
    )


def _output(parameter: Parameter, language: str) -> str:
    return node("Output", _head(parameter, language), _output_form(parameter))


def _head(parameter: Parameter, language: str) -> str:
    title, abstract = translated(parameter.translations, language, parameter.title, parameter.abstract)
    return "".join(
        (
            leaf("ows:Identifier", parameter.id),
            leaf("ows:Title", title),
            optional("ows:Abstract", abstract),
            metadata_links(parameter.metadata),
        )
    )


def _input_form(parameter: Parameter, max_input_bytes: int | None) -> str:
    match parameter.domain:
        case LiteralDomain() as domain:
            default = leaf("DefaultValue", domain.default) if domain.default is not None else ""
            return node("LiteralData", _literal(domain), _allowed(domain), default)
        case BoundingBoxDomain() as domain:
            return node("BoundingBoxData", _systems(domain))
        case ComplexDomain() as domain:
            caps = [cap for cap in (domain.max_bytes, max_input_bytes) if cap is not None]
            megabytes = str(max(1, min(caps) // MEGABYTE)) if caps else None
            return node("ComplexData", _formats(domain.formats), attributes={"maximumMegabytes": megabytes})


def _output_form(parameter: Parameter) -> str:
    match parameter.domain:
        case LiteralDomain() as domain:
            return node("LiteralOutput", _literal(domain))
        case BoundingBoxDomain() as domain:
            return node("BoundingBoxOutput", _systems(domain))
        case ComplexDomain() as domain:
            return node("ComplexOutput", _formats(domain.formats))


def _literal(domain: LiteralDomain) -> str:
    reference = {"ows:reference": f"{DATATYPES}{domain.datatype.value}"}
    datatype = leaf("ows:DataType", datatype_name(domain.datatype), reference)
    if not domain.units:
        return datatype
    default = node("Default", leaf("ows:UOM", domain.units[0]))
    return datatype + node("UOMs", default, node("Supported", leaves("ows:UOM", domain.units)))


def _allowed(domain: LiteralDomain) -> str:
    if not domain.values and not domain.ranges:
        return node("ows:AnyValue")
    return node("ows:AllowedValues", leaves("ows:Value", domain.values), *(_range(item) for item in domain.ranges))


def _range(item: Range) -> str:
    return node(
        "ows:Range",
        leaf("ows:MinimumValue", item.minimum) if item.minimum is not None else "",
        leaf("ows:MaximumValue", item.maximum) if item.maximum is not None else "",
        leaf("ows:Spacing", item.spacing) if item.spacing is not None else "",
        attributes={"ows:rangeClosure": item.closure.value},
    )


def _systems(domain: BoundingBoxDomain) -> str:
    return node("Default", leaf("CRS", domain.crs[0])) + node("Supported", leaves("CRS", domain.crs))


def _formats(formats: Sequence[Format]) -> str:
    return node("Default", _format(formats[0])) + node("Supported", *(_format(item) for item in formats))


def _format(item: Format) -> str:
    return node(
        "Format",
        leaf("MimeType", item.media_type),
        optional("Encoding", item.encoding),
        optional("Schema", item.schema),
    )
