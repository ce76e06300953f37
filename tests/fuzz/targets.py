"""What the fuzzer calls: bytes through a parser and all checks of a request, up to where a job would be added.

A request is either a canonical Execute or refused in one of the ways that the border of its protocol translates, in a
form that can be sent. Anything else is a finding.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from lxml import etree

from cloche.model.codec import decode, encode
from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Datatype, LiteralDomain, Range
from cloche.model.errors import ClocheError, NoSuchProcess
from cloche.model.execute import Execute, Mode, Response
from cloche.model.formats import Format
from cloche.model.process import Group, Parameter, ProcessDescription
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._ows import kvp as queries
from cloche.protocols._ows.errors import OwsError
from cloche.protocols._ows.operations import operation
from cloche.protocols._ows.reader import Reader
from cloche.protocols._ows.reports import OWS_1_1, OWS_2_0, exception_report
from cloche.protocols._ows.soap import unwrap
from cloche.protocols.ogcapi import kvp as kvp_draft
from cloche.protocols.ogcapi import listing, preferences, problems, requests
from cloche.protocols.ogcapi.nesting import checks
from cloche.protocols.ogcapi.problems import Refused
from cloche.protocols.wps1 import documents as documents1
from cloche.protocols.wps1 import faults as faults1
from cloche.protocols.wps1 import form as form1
from cloche.protocols.wps1 import kvp as kvp1
from cloche.protocols.wps1 import nesting
from cloche.protocols.wps1.requests import OPERATIONS as OPERATIONS_1
from cloche.protocols.wps2 import documents as documents2
from cloche.protocols.wps2 import faults as faults2
from cloche.protocols.wps2 import form as form2
from cloche.protocols.wps2 import inputs as inputs2
from cloche.protocols.wps2 import kvp as kvp2
from cloche.protocols.wps2.once import once
from cloche.protocols.wps2.requests import OPERATIONS as OPERATIONS_2
from cloche.values.resolve import resolve

LIMITS = BodyLimits(max_bytes=1 << 16, memory_bytes=1 << 10, max_nodes=500, max_text=1 << 12)
MAX_INPUT = 1 << 14
XML, JSON, TEXT, TIFF = (
    Format(media_type=kind) for kind in ("text/xml", "application/json", "text/plain", "image/tiff")
)
DRAFTED = '{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "href": {"type": "string"}}}'


def literal(id, datatype, **more):
    return Parameter(id=id, title=id, min_occurs=0, domain=LiteralDomain(datatype=datatype, **more))


LEAVES = (
    replace(literal("text", Datatype.STRING), max_occurs=None),
    literal("number", Datatype.FLOAT, ranges=(Range(minimum="0", maximum="10"),), units=("metre", "feet"), default="1"),
    literal("whole", Datatype.INTEGER, values=("1", "2", "3")),
    literal("flag", Datatype.BOOLEAN),
    literal("time", Datatype.TIME),
    literal("when", Datatype.DATETIME, ranges=(Range(minimum="2000-01-01T00:00:00Z", spacing="P1D"),)),
    literal("day", Datatype.DATE),
    literal("where", Datatype.ANY_URI),
    Parameter(id="box", title="box", min_occurs=0, domain=BoundingBoxDomain(crs=("EPSG:4326", "OGC:CRS84"))),
    Parameter(
        id="data", title="data", min_occurs=0, max_occurs=3, domain=ComplexDomain(formats=(XML, JSON, TEXT, TIFF))
    ),
    Parameter(id="json", title="json", min_occurs=0, domain=ComplexDomain(formats=(JSON,), json_schema=DRAFTED)),
)
GROUPS = (
    Group(id="one", title="one", min_occurs=0, parameters=LEAVES[:4]),
    Group(id="many", title="many", min_occurs=0, max_occurs=3, parameters=(LEAVES[1], LEAVES[9])),
)
OUTPUTS = (*(replace(leaf, max_occurs=1) for leaf in LEAVES), replace(GROUPS[0], id="inside"))
PROCESS = ProcessDescription(id="p", version="1", title="p", inputs=(*LEAVES, *GROUPS), outputs=OUTPUTS)
CHECKS = checks(PROCESS)
KNOWN = (ClocheError, OwsError, Refused)

_home = Path(tempfile.mkdtemp(prefix="cloche-fuzz-"))


class Folder:
    """An intake that is used again and again."""

    path = _home / "intake"

    def __init__(self):
        self.path.mkdir(exist_ok=True)

    def discard(self):
        shutil.rmtree(self.path)


def kvp(data: bytes) -> None:
    """The first byte chooses the version."""
    two, query = data[:1] > b"\x7f", queries.parse(data[1:])
    _judged((_kvp2 if two else _kvp1), query, two=two)


def xml(data: bytes) -> None:
    """The first byte chooses the version, the second the size of the pieces that the body comes in."""
    two, step = data[:1] > b"\x7f", 1 + int.from_bytes(data[1:2], "big") * 4
    _judged((_xml2 if two else _xml1), (data[2:], step), two=two)


def json(data: bytes) -> None:
    """An execute request; after a question mark, up to a zero byte, a query string, which may be one by itself."""
    query, _, body = data[1:].partition(b"\0") if data[:1] == b"?" else (b"", b"", data)
    header, _, body = body.partition(b"\0") if body[:1] == b"!" else (b"", b"", body)
    for read in (lambda: _listed(query, header), lambda: _by_query(query), lambda: body):
        deposit = Deposit(Folder, max_bytes=MAX_INPUT)
        try:
            decoded = requests.decode(read())
            requests.subscriber(decoded)
            accept = header.decode("latin-1") if header else None
            _canonical(requests.execute(decoded, PROCESS, CHECKS, deposit, mode=Mode.SYNC, accept=accept))
        except (ClocheError, Refused) as error:
            found = problems.refusal(error)
            assert 400 <= found.status < 500, found
            msgspec.json.encode(found.body("/"))
            msgspec.json.encode(found.in_draft().body("/"))
        finally:
            deposit.discard()


def _listed(query: bytes, header: bytes) -> bytes:
    preferences.parse(header.decode("latin-1"))
    asked = listing.parse(query)
    listing.page(asked)
    listing.jobs(asked)
    return b"{}"


def _by_query(query: bytes) -> bytes:
    return kvp_draft.read(listing.parse(query), PROCESS).body


TARGETS: dict[str, Callable[[bytes], None]] = {"kvp": kvp, "xml": xml, "json": json}


def _kvp1(query: queries.Kvp, deposit: Deposit) -> Execute | None:
    name = operation(query, OPERATIONS_1)
    if name == "GetCapabilities":
        kvp1.get_capabilities(query)
    elif name == "DescribeProcess":
        kvp1.describe_process(query)
    else:
        _known(kvp1.process_identifier(query))
        return _checked1(kvp1.execute_request(query, PROCESS, deposit))
    return None


def _kvp2(query: queries.Kvp, _deposit: Deposit) -> Execute | None:
    name = operation(query, OPERATIONS_2)
    if name == "GetCapabilities":
        kvp2.get_capabilities(query)
    elif name == "DescribeProcess":
        kvp2.describe_process(query)
    else:
        kvp2.job_request(name, query)
    return None


def _root(sent: tuple[bytes, int], deposit: Deposit, payloads, structural=()):
    body, step = sent
    reader = Reader(deposit, LIMITS, payloads=payloads, structural=structural)
    try:
        for start in range(0, len(body), step):
            reader.feed(body[start : start + step])
        return unwrap(reader.close())
    finally:
        reader.release()


def _xml1(sent: tuple[bytes, int], deposit: Deposit) -> Execute | None:
    root, _ = _root(sent, deposit, documents1.PAYLOADS)
    name = documents1.operation(root)
    if name == "GetCapabilities":
        documents1.get_capabilities(root)
    elif name == "DescribeProcess":
        documents1.describe_process(root)
    else:
        request = documents1.execute_request(root)
        _known(request.process)
        return _checked1(request)
    return None


def _xml2(sent: tuple[bytes, int], deposit: Deposit) -> Execute | None:
    root, soap = _root(sent, deposit, inputs2.PAYLOADS, inputs2.STRUCTURAL)
    name = documents2.operation(root)
    if name == "GetCapabilities":
        documents2.get_capabilities(root)
    elif name == "DescribeProcess":
        documents2.describe_process(root)
    elif name == "Execute":
        _known(documents2.process_identifier(root))
        request = documents2.execute_request(root, PROCESS, deposit)
        form2.check(PROCESS, request, soap=soap is not None)
        once("key", request, deposit)
        return request
    else:
        documents2.job_request(root)
    return None


def _known(id: str) -> None:
    if id != PROCESS.id:
        raise NoSuchProcess("There is no such process.", locator=id)


def _checked1(request: Execute) -> Execute:
    request = nesting.with_paths(request, PROCESS)
    form1.check(PROCESS, request, soap=False)
    return request


def _judged(read, sent, *, two: bool) -> None:
    deposit = Deposit(Folder, max_bytes=MAX_INPUT)
    try:
        request = read(sent, deposit)
        if request is not None:
            _canonical(request)
    except (ClocheError, OwsError) as error:
        fault = (faults2 if two else faults1).refusal(error)
        assert 400 <= fault.status <= 501, fault
        report = etree.fromstring(exception_report(fault, OWS_2_0 if two else OWS_1_1, language="en"))
        assert report[0].get("exceptionCode") == fault.code
    finally:
        deposit.discard()


def _canonical(request: Execute) -> None:
    """What comes out can be kept, and says of everything where it belongs."""
    found = resolve(PROCESS, request, max_input_bytes=MAX_INPUT)
    assert decode(Execute, encode(found)) == found
    assert msgspec.json.decode(msgspec.json.encode(encode(found))) == encode(found)
    assert all(PROCESS.input(item.id) is not None for item in found.inputs)
    assert all(PROCESS.output(item.id) is not None for item in found.outputs)
    assert found.response is not Response.RAW or len(found.outputs) == 1
    assert resolve(PROCESS, found, max_input_bytes=MAX_INPUT).outputs == found.outputs
