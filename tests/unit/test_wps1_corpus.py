"""Requests that others wrote: each is read as what it says, or refused in the protocol's own form; never a 500.

What a request says is read here by lxml and urllib, a second opinion; the processes that it names are published.
References are never fetched: an execution succeeds with nothing.
"""

import csv
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote_plus

import pytest
from lxml import etree

from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, Output, ReferenceData
from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Datatype, LiteralDomain
from cloche.model.formats import Format
from cloche.model.process import Parameter
from cloche.model.state import State
from cloche.protocols.wps1 import Wps1Config
from wps_house import BARE, URL, House, assert_valid

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "standards" / "corpus"
SLOTS = {
    "storeExecuteResponse": "true",
    "lineage": "true",
    "status": "true",
    "asReference": "true",
    "lowerCorner": "1 2",
    "upperCorner": "3 4",
    "crs": "EPSG:4326",
    "dimension": "2",
    "mimeType": "text/xml",
    "encoding": "UTF-8",
    "schema": "http://example.org/a.xsd",
    "complexPayload": "<a/>",
    "dataType": "xs:string",
}
ROOTS = {
    "getcapabilities": "Capabilities",
    "describeprocess": "ProcessDescriptions",
    "execute": "ExecuteResponse",
}
REFUSED = {
    # GetCapabilities of OWS Common without a service; a prefix that is not declared; a language that is not offered;
    # two response forms at once
    "exampleGetCapabilities2.xml": ("MissingParameterValue", "service"),
    "wps_describeprocess_request.xml": ("NoApplicableCode", None),
    "wps_getcapabilities_request.xml": ("InvalidParameterValue", "language"),
    "WPS10ExecuteComplexDataJSONRawOutputKVPTestCase.kvp": ("InvalidParameterValue", "RawDataOutput"),
}


def files(api):
    manifest = CORPUS / "MANIFEST.tsv"
    if not manifest.is_file():
        return []
    with manifest.open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return [row["file"] for row in rows if row["api"] == api and row["kind"] == "request"]


def content(file):
    text = (CORPUS / file).read_bytes()
    text = text.replace(b'"${complexPayload}"', b'"http://example.org/a.xml"')
    return re.sub(rb"\$\{(\w+)\}", lambda slot: SLOTS.get(slot[1].decode(), "x").encode(), text)


def local(element):
    return etree.QName(element).localname


def named(element, *names):
    """Descendants by local names."""
    return [item for item in element.iter() if isinstance(item.tag, str) and local(item) in names]


def attribute(element, name):
    return next((value for key, value in element.attrib.items() if etree.QName(key).localname == name), "")


def asked(element):
    return Format(
        media_type=attribute(element, "mimeType") or "text/xml",
        encoding=attribute(element, "encoding"),
        schema=attribute(element, "schema"),
    )


def domain_of(forms):
    """A domain that takes all of these ways of giving an input."""
    form = forms[0]
    kind = local(form)
    if kind == "LiteralData":
        datatype = attribute(form, "dataType").rpartition(":")[2].rpartition("#")[2]
        known = {item.value: item for item in Datatype} | {"float": Datatype.FLOAT}
        units = tuple({attribute(item, "uom") for item in forms} - {""})
        return LiteralDomain(datatype=known.get(datatype, Datatype.STRING), units=units)
    if kind == "BoundingBoxData":
        return BoundingBoxDomain(crs=(attribute(form, "crs") or "EPSG:4326",))
    return ComplexDomain(formats=tuple(asked(item) for item in forms))


def process_of(root):
    """The process that an Execute document needs."""
    forms = defaultdict(list)
    for item in named(root, "Input"):
        identifier = item.findtext("{*}Identifier")
        forms[identifier].append(named(item, "LiteralData", "BoundingBoxData", "ComplexData", "Reference")[0])
    wanted = {item.findtext("{*}Identifier"): item for item in named(root, "Output", "RawDataOutput")}
    outputs = tuple(
        Parameter(id=name, title=name, domain=ComplexDomain(formats=(asked(item),))) for name, item in wanted.items()
    )
    inputs = tuple(
        Parameter(id=name, title=name, domain=domain_of(items), min_occurs=0, max_occurs=None)
        for name, items in forms.items()
    )
    return replace(BARE, id=root.findtext("{*}Identifier"), inputs=inputs, outputs=outputs or BARE.outputs)


def house_for(tmp_path, *descriptions):
    house = House(tmp_path, descriptions=descriptions, config=Wps1Config(url=URL, languages=("en-US", "en-CA", "en")))
    house.read = {}

    def play(house, job):
        names = [item.data.file for item in job.request.inputs if isinstance(item.data, ComplexData)]
        house.read = {name: house.input(job, name) for name in names}
        outputs = (
            house.store_output(job, item.id, b"<o/>", item.format)
            if item.format
            else Output(id=item.id, data=LiteralData(value="1", datatype="string", uom=item.uom))
            for item in job.request.outputs
        )
        house.move(job, State.SUCCEEDED, outputs=tuple(outputs))

    house.play = play
    return house


def refusal(answer):
    assert 400 <= answer.status_code < 600
    assert answer.status_code != 500, answer.text
    exception = etree.fromstring(answer.content).find(".//{*}Exception")
    return exception.get("exceptionCode"), exception.get("locator")


@pytest.mark.parametrize("file", [file for file in files("wps10") if file.endswith(".xml")])
def test_documents(tmp_path, standards, file):
    body = content(file)
    name = Path(file).name
    if name in REFUSED:
        assert refusal(house_for(tmp_path).post(body)) == REFUSED[name]
        return
    root = etree.fromstring(body)
    if local(root) == "Envelope":
        root = named(root, "Body")[0][0]
    check = {"Execute": check_execute, "DescribeProcess": check_describe, "GetCapabilities": check_capabilities}
    check[local(root)](tmp_path, standards, body, root)


def check_capabilities(tmp_path, standards, body, root):
    answer = house_for(tmp_path, BARE).post(body)
    assert_valid(standards, answer.content)
    assert named(etree.fromstring(answer.content), "Capabilities")[0].get("version") == "1.0.0"


def check_describe(tmp_path, standards, body, root):
    identifiers = [item.text for item in root.iterfind("{*}Identifier")]
    house = house_for(tmp_path, *(replace(BARE, id=item) for item in identifiers))
    answer = house.post(body)
    assert_valid(standards, answer.content)
    described = named(etree.fromstring(answer.content), "ProcessDescription")
    assert [item.findtext("{*}Identifier") for item in described] == identifiers
    assert refusal(house_for(tmp_path / "none").post(body)) == ("InvalidParameterValue", "Identifier")


def check_execute(tmp_path, standards, body, root):
    house = house_for(tmp_path, process_of(root))
    answer = house.post(body)
    assert answer.status_code == 200, answer.text
    if not named(root, "RawDataOutput"):
        assert_valid(standards, answer.content)
    (job,) = house.jobs
    assert house.service.wait(job.id, timeout=5).state is State.SUCCEEDED
    given = named(root, "Input")
    assert [item.id for item in job.request.inputs] == [item.findtext("{*}Identifier") for item in given]
    for element, item in zip(given, job.request.inputs, strict=True):
        check_input(element, item.data, house.read)
    document = (named(root, "ResponseDocument") or [None])[0]
    for name, flag in (("storeExecuteResponse", "store"), ("lineage", "lineage"), ("status", "status")):
        wanted = document is not None and document.get(name) == "true"
        assert getattr(job.request, flag) is wanted
    assert refusal(house_for(tmp_path / "none").post(body)) == ("InvalidParameterValue", "Identifier")


def check_input(element, data, files):
    form = named(element, "LiteralData", "BoundingBoxData", "ComplexData", "Reference")[0]
    match data:
        case LiteralData():
            assert data.value == (form.text or "")
        case BoundingBoxData():
            corners = [named(form, name)[0].text.split() for name in ("LowerCorner", "UpperCorner")]
            assert [list(data.lower), list(data.upper)] == [[float(item) for item in corner] for corner in corners]
        case ReferenceData():
            default = "POST" if named(form, "Body", "BodyReference") else "GET"  # clients leave it out
            assert (data.href, data.method) == (attribute(form, "href"), form.get("method", default))
            assert len(data.headers) == len(named(form, "Header"))
            assert (data.body is not None) == bool(named(form, "Body"))
        case ComplexData() if named(form, "ComplexData")[0] is form and len(form):
            child = next(item for item in form if isinstance(item.tag, str))
            child.tail = None
            found = etree.fromstring(files[data.file], etree.XMLParser(remove_comments=True))
            same = etree.tostring(etree.fromstring(etree.tostring(child)), method="c14n", exclusive=True)
            assert etree.tostring(found, method="c14n", exclusive=True) == same
        case ComplexData():
            assert files[data.file].decode() == (form.text or "").strip()


@pytest.mark.parametrize("file", [file for file in files("wps10") if file.endswith(".kvp")])
def test_queries(tmp_path, standards, file):
    query = content(file).decode().strip()
    pairs = {name.lower(): value[0] for name, value in parse_qs(query).items()}
    identifier, operation = pairs.get("identifier"), pairs["request"].lower()
    raw = "rawdataoutput" in pairs
    house = house_for(tmp_path, _process_of_query(identifier or "any", query))
    answer = house.get(query)
    name = Path(file).name
    if name in REFUSED:
        assert refusal(answer) == REFUSED[name]
        return
    assert answer.status_code == 200, answer.text
    if not raw:
        assert_valid(standards, answer.content)
        root = {
            "getcapabilities": "Capabilities",
            "describeprocess": "ProcessDescriptions",
            "execute": "ExecuteResponse",
        }
        assert local(etree.fromstring(answer.content)) == root[operation]
    if operation == "execute":
        (job,) = house.jobs
        assert (job.process, [item.id for item in job.request.inputs]) == (identifier, _ids(query, "DataInputs"))
        assert [item.id for item in job.request.outputs] == (
            _ids(query, "RawDataOutput") or _ids(query, "ResponseDocument") or ["out"]
        )


def _ids(query, name):
    value = next((pair.partition("=")[2] for pair in query.split("&") if pair.startswith(name)), "")
    return [unquote_plus(re.split("[=@]", item)[0]) for item in value.split(";") if item]


def _process_of_query(identifier, query):
    """Literals take any text; an input that has a box or a format in it takes that."""
    literal = LiteralDomain(datatype=Datatype.STRING, units=("mm", "C", "cm", "F") if "uom" in query else ())
    box = BoundingBoxDomain(crs=("EPSG:4326", "ImageCRS"))
    complex_ = ComplexDomain(
        formats=tuple(Format(media_type=item) for item in ("text/plain", "text/xml", "application/json", "image/png"))
    )
    domain = box if "bbox" in identifier else complex_ if "identity:complex" in identifier else literal
    images = ComplexDomain(
        formats=tuple(Format(media_type=f"image/{item}") for item in ("png", "jpeg", "tiff")) + complex_.formats
    )
    return replace(
        BARE,
        id=identifier,
        inputs=tuple(
            Parameter(id=item, title=item, domain=domain, min_occurs=0, max_occurs=None)
            for item in dict.fromkeys(_ids(query, "DataInputs"))
        ),
        outputs=tuple(
            Parameter(id=item, title=item, domain=literal if "uom" in query else images)
            for item in _ids(query, "RawDataOutput") or _ids(query, "ResponseDocument") or ["out"]
        ),
    )


@pytest.mark.parametrize("file", files("wps20"))
def test_requests_of_wps_2_are_refused_in_words(tmp_path, file):
    house = house_for(tmp_path, BARE)
    answer = house.get(content(file).decode().strip()) if file.endswith(".kvp") else house.post(content(file))
    assert refusal(answer)[0] in {
        "InvalidParameterValue",
        "MissingParameterValue",
        "NoApplicableCode",
        "OperationNotSupported",
        "VersionNegotiationFailed",
    }


def test_there_is_a_corpus(standards):
    assert len(files("wps10")) > 100
