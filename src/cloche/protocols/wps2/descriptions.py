"""The DescribeProcess response (clause 9.5.2, and clause 8 for the process model)."""

from collections.abc import Sequence

from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Domain, LiteralDomain, Range
from cloche.model.formats import Format
from cloche.model.process import Group, Parameter, ProcessDescription
from cloche.protocols._ows.markup import leaf, leaves, node
from cloche.protocols.wps2 import names
from cloche.protocols.wps2.capabilities import Pausable, brief, properties

MEGABYTE = 1 << 20
PLAIN, XML = Format(media_type="text/plain"), Format(media_type="text/xml")


def process_offerings(
    processes: Sequence[ProcessDescription], *, pausable: Pausable, language: str, max_input_bytes: int | None
) -> str:
    """``wps:ProcessOfferings``, in the order given. ``max_input_bytes`` is what the server takes at most."""
    return "".join(
        (
            names.root("wps:ProcessOfferings"),
            *(_offering(process, pausable, language, max_input_bytes) for process in processes),
            "</wps:ProcessOfferings>",
        )
    )


def _offering(process: ProcessDescription, pausable: Pausable, language: str, max_input_bytes: int | None) -> str:
    return node(
        "wps:ProcessOffering",
        node(
            "wps:Process",
            brief(process, language),
            *(_input(parameter, language, max_input_bytes) for parameter in process.inputs),
            *(_output(parameter, language) for parameter in process.outputs),
            attributes={"xml:lang": language},
        ),
        attributes=properties(process, pausable),
    )


def _input(parameter: Parameter | Group, language: str, max_input_bytes: int | None) -> str:
    most = "unbounded" if parameter.max_occurs is None else str(parameter.max_occurs)
    if isinstance(parameter, Group):
        content = "".join(_input(inner, language, max_input_bytes) for inner in parameter.parameters)
    else:
        content = _data(parameter.domain, (PLAIN, XML), max_input_bytes)
    return node(
        "wps:Input",
        brief(parameter, language),
        content,
        attributes={"minOccurs": str(parameter.min_occurs), "maxOccurs": most},
    )


def _output(parameter: Parameter | Group, language: str) -> str:
    if isinstance(parameter, Group):
        content = "".join(_output(inner, language) for inner in parameter.parameters)
    else:
        content = _data(parameter.domain, (XML, PLAIN), None)
    return node("wps:Output", brief(parameter, language), content)


def _data(domain: Domain, literal: Sequence[Format], max_input_bytes: int | None) -> str:
    """``literal`` are the formats that literal data comes in, the default first."""
    match domain:
        case LiteralDomain():
            return node("wps:LiteralData", _formats(literal), _domains(domain))
        case BoundingBoxDomain():
            return node("wps:BoundingBoxData", _formats((XML,)), _systems(domain))
        case ComplexDomain():
            caps = [cap for cap in (domain.max_bytes, max_input_bytes) if cap is not None]
            megabytes = str(max(1, min(caps) // MEGABYTE)) if caps else None
            return node("wps:ComplexData", _formats(domain.formats, megabytes))


def _domains(domain: LiteralDomain) -> str:
    """One domain for each unit; the values are the same in all, the default value belongs to the first."""
    return "".join(
        node(
            "LiteralDataDomain",
            _allowed(domain),
            leaf("ows:DataType", domain.datatype.value, {"ows:reference": f"{names.DATATYPES}{domain.datatype.value}"}),
            leaf("ows:UOM", unit) if unit else "",
            leaf("ows:DefaultValue", domain.default) if domain.default is not None and not number else "",
            attributes={"default": "false" if number else "true"},
        )
        for number, unit in enumerate(domain.units or ("",))
    )


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
    return "".join(
        leaf("wps:SupportedCRS", system, {"default": None if number else "true"})
        for number, system in enumerate(domain.crs)
    )


def _formats(formats: Sequence[Format], megabytes: str | None = None) -> str:
    return "".join(
        node(
            "wps:Format",
            attributes={
                "mimeType": item.media_type or None,
                "encoding": item.encoding or None,
                "schema": item.schema or None,
                "maximumMegabytes": megabytes,
                "default": None if number else "true",
            },
        )
        for number, item in enumerate(formats)
    )
