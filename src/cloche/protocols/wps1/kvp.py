"""WPS 1.0.0 requests in KVP."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cloche.model.data import BoundingBoxData, ComplexData, Input, InputData, LiteralData, ReferenceData
from cloche.model.domains import BoundingBoxDomain, ComplexDomain
from cloche.model.errors import WrongInputData
from cloche.model.execute import Execute, Mode, OutputRequest, Response
from cloche.model.formats import Format
from cloche.model.process import ProcessDescription
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._ows.errors import invalid, missing
from cloche.protocols._ows.kvp import Kvp
from cloche.protocols._ows.operations import boolean, check_version
from cloche.protocols._ows.sinks import sink
from cloche.protocols.wps1 import nesting
from cloche.protocols.wps1.datainputs import Item, parse
from cloche.protocols.wps1.requests import PROTOCOL, VERSION, DescribeProcess, GetCapabilities
from cloche.values import boxes


def get_capabilities(query: Kvp) -> GetCapabilities:
    """Never fails: what is asked for is negotiated later."""
    return GetCapabilities(
        accept_versions=query.items("acceptversions"),
        version=query.get("version").strip(),
        sections=query.items("sections"),
        accept_formats=query.items("acceptformats"),
        update_sequence=query.get("updatesequence").strip(),
        language=query.get("language").strip(),
    )


def describe_process(query: Kvp) -> DescribeProcess:
    """Raises OwsError."""
    check_version(query.get("version").strip(), VERSION)
    identifiers = query.items("identifier")
    if not identifiers:
        raise missing("identifier")
    return DescribeProcess(identifiers=identifiers, language=query.get("language").strip())


def process_identifier(query: Kvp) -> str:
    """The process that Execute names: its description says how to read the inputs. Raises OwsError."""
    check_version(query.get("version").strip(), VERSION)
    identifier = query.get("identifier").strip()
    if not identifier:
        raise missing("identifier")
    return identifier


def execute_request(query: Kvp, description: ProcessDescription, deposit: Deposit) -> Execute:
    """Raises OwsError, InputError."""
    document = tuple(_output(item) for item in parse("ResponseDocument", query.raw("responsedocument")))
    raw = tuple(_output(item) for item in parse("RawDataOutput", query.raw("rawdataoutput")))
    if raw and document:
        raise invalid("RawDataOutput", "Either RawDataOutput or ResponseDocument may be given, not both.")
    if len(raw) > 1:
        raise invalid("RawDataOutput", "RawDataOutput names one output.")
    store = boolean(query.get("storeexecuteresponse"), "storeExecuteResponse")
    return Execute(
        process=description.id,
        protocol=PROTOCOL,
        mode=Mode.ASYNC if store else Mode.SYNC,
        store=store,
        inputs=tuple(_inputs(parse("DataInputs", query.raw("datainputs")), description, deposit)),
        outputs=raw or document,
        response=Response.RAW if raw else Response.DOCUMENT,
        status=boolean(query.get("status"), "status"),
        lineage=boolean(query.get("lineage"), "lineage"),
        language=query.get("language").strip(),
    )


def _output(item: Item) -> OutputRequest:
    return OutputRequest(
        id=item.id,
        format=_format(item),
        as_reference=boolean(item.get("asreference"), "asReference"),
        uom=item.get("uom").strip(),
    )


def _inputs(items: Sequence[Item], description: ProcessDescription, deposit: Deposit) -> Iterator[Input]:
    paths = nesting.numbered([item.id for item in items], description.inputs)
    for item, path in zip(items, paths, strict=True):
        yield Input(id=path, data=_data(replace(item, id=path), description, deposit))


def _data(item: Item, description: ProcessDescription, deposit: Deposit) -> InputData:
    """An input that the process does not have is read as a literal: the service refuses it by name."""
    if "href" in item.attributes:
        return _reference(item)
    parameter = description.input(item.id)
    domain = parameter.domain if parameter is not None else None
    if isinstance(domain, ComplexDomain):
        return _complex(item, deposit)
    if isinstance(domain, BoundingBoxDomain):
        return bounding_box(item.value, item.id)
    return LiteralData(value=item.value, datatype=item.get("datatype").strip(), uom=item.get("uom").strip())


def _reference(item: Item) -> ReferenceData:
    if item.get("method").upper() not in {"", "GET"}:
        raise WrongInputData("A reference in KVP is read by GET; POST needs a request in XML.", locator=item.id)
    return ReferenceData(href=item.get("href").strip(), format=_format(item))


def _complex(item: Item, deposit: Deposit) -> ComplexData:
    name, file = deposit.create()
    with file:
        data = sink(item.get("encoding").strip(), deposit, file)
        try:
            data.write(item.value, verbatim=True)
            size = data.close()
        except WrongInputData as error:
            error.locator = item.id
            raise
    return ComplexData(file=name, format=_format(item), size=size)


def _format(item: Item) -> Format:
    return Format(
        media_type=item.get("mimetype").strip(),
        encoding=item.get("encoding").strip(),
        schema=item.get("schema").strip(),
    )


def bounding_box(text: str, locator: str) -> BoundingBoxData:
    """``46,102,47,103,urn:ogc:def:crs:EPSG:6.6:4326,2``: corners, then system and dimensions where they are given.

    Raises WrongInputData.
    """
    parts = [part.strip() for part in text.split(",")]
    crs_at = next((at for at, part in enumerate(parts) if not _is_number(part)), None)
    numbers, rest = (parts, []) if crs_at is None else (parts[:crs_at], parts[crs_at:])
    if len(numbers) % 2:
        rest, numbers = numbers[-1:], numbers[:-1]  # dimensions without a system
    half = len(numbers) // 2
    crs = rest[0] if rest and not _is_number(rest[0]) else ""
    if not half or len(rest) > 2:
        raise WrongInputData("A bounding box is written as lower corner, upper corner, system.", locator=locator)
    return BoundingBoxData(
        lower=boxes.corner(" ".join(numbers[:half]), locator),
        upper=boxes.corner(" ".join(numbers[half:]), locator),
        crs=crs,
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
