"""WPS 2.0 requests that others wrote: each is read as what it says, or refused in the protocol's own form.

What a request says is read here by lxml, a second opinion; the processes that it names are published.
"""

import csv
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from lxml import etree

from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, ReferenceData
from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Datatype, LiteralDomain
from cloche.model.execute import Mode, Response
from cloche.model.formats import Format
from cloche.model.process import Parameter
from cloche.model.state import State
from wps2_house import House2
from wps_house import BARE, assert_valid

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "standards" / "corpus"
WPS = "{http://www.opengis.net/wps/2.0}"
SLOTS = {
    "responseFormat": "document",
    "executionMode": "async",
    "transmission": "reference",
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
REFUSED = {
    "MissingService.xml": ("MissingParameterValue", "service"),
    "MissingService-2.xml": ("MissingParameterValue", "service"),
    "DescribeProcessMissingService.xml": ("MissingParameterValue", "service"),
    "WrongService.xml": ("InvalidParameterValue", "service"),
    "WrongService-2.xml": ("InvalidParameterValue", "service"),
    "DescribeProcessWrongService.xml": ("InvalidParameterValue", "service"),
    "MissingVersion.xml": ("MissingParameterValue", "version"),
    "DescribeProcessMissingVersion.xml": ("MissingParameterValue", "version"),
    "WrongVersion.xml": ("VersionNegotiationFailed", None),
    "WrongVersion-2.xml": ("InvalidParameterValue", "version"),
    "DescribeProcessWrongVersion.xml": ("InvalidParameterValue", "version"),
    "DescribeProcessMissingIdentifierParameter.xml": ("MissingParameterValue", "Identifier"),
    "DescribeProcessMissingIdentifierValue.xml": ("MissingParameterValue", "Identifier"),
}
JOB_OPERATIONS = {"GetStatus", "GetResult", "Dismiss"}


def files(kind="request"):
    manifest = CORPUS / "MANIFEST.tsv"
    if not manifest.is_file():
        return []
    with manifest.open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return [row["file"] for row in rows if row["api"] == "wps20" and row["kind"] == kind]


def content(file):
    text = (CORPUS / file).read_bytes().replace(b'href="${complexPayload}"', b'href="http://example.org/a.xml"')
    return re.sub(rb"\$\{(\w+)\}", lambda slot: SLOTS.get(slot[1].decode(), "x").encode(), text)


def local(element):
    return etree.QName(element).localname


def asked(*elements):
    def first(name):
        return next((value for element in elements if (value := element.get(name))), "")

    return Format(media_type=first("mimeType") or "text/xml", encoding=first("encoding"), schema=first("schema"))


def form_of(element):
    """The element that holds the value: Reference, Data, or the one child of Data that is the standard's."""
    data = element.find(f"{WPS}Data")
    if data is None:
        return element.find(f"{WPS}Reference")
    known = ("LiteralValue", "BoundingBox", "ComplexData")
    return next((item for item in data if isinstance(item.tag, str) and local(item) in known), data)


def domain_of(form):
    kind = local(form)
    if kind == "BoundingBox":
        return BoundingBoxDomain(crs=(form.get("crs") or "EPSG:4326",))
    if kind == "LiteralValue" or (kind == "Data" and not len(form) and not form.get("mimeType")):
        return LiteralDomain(datatype=Datatype.STRING, units=(form.get("uom"),) if form.get("uom") else ())
    parent = form.getparent()
    return ComplexDomain(formats=(asked(form, parent),))


def process_of(root):
    inputs = tuple(
        Parameter(id=item.get("id"), title="i", domain=domain_of(form_of(item)), min_occurs=0)
        for item in root.iterfind(f"{WPS}Input")
    )
    outputs = tuple(
        Parameter(id=item.get("id"), title="o", domain=ComplexDomain(formats=(asked(item),)))
        for item in root.iterfind(f"{WPS}Output")
    )
    return replace(BARE, id=root.findtext("{*}Identifier").strip(), inputs=inputs, outputs=outputs or BARE.outputs)


def house_for(tmp_path, *descriptions):
    house = House2(tmp_path, descriptions=descriptions)
    house.read = {}

    def play(house, job):
        names = [item.data.file for item in job.request.inputs if isinstance(item.data, ComplexData)]
        house.read = {name: house.input(job, name) for name in names}
        outputs = (house.store_output(job, item.id, b"<o/>", item.format) for item in job.request.outputs)
        house.move(job, State.SUCCEEDED, outputs=tuple(outputs))

    house.play = play
    return house


def refusal(answer):
    assert 400 <= answer.status_code < 500, answer.text
    root = etree.fromstring(answer.content)
    assert root.tag == "{http://www.opengis.net/ows/2.0}ExceptionReport"
    return root[0].get("exceptionCode"), root[0].get("locator")


@pytest.mark.parametrize("path", ["/wps", "/wps/2.0.0"])
@pytest.mark.parametrize("file", [file for file in files() if file.endswith(".xml")])
def test_documents(tmp_path, standards, file, path):
    body, name = content(file), Path(file).name
    house = house_for(tmp_path)
    house.path = path
    if name in REFUSED:
        assert refusal(house.post(body)) == REFUSED[name]
        return
    root = etree.fromstring(body)
    if local(root) in JOB_OPERATIONS:
        assert refusal(house.post(body)) == ("NoSuchJob", root.findtext(f"{WPS}JobID").strip())
    elif local(root) == "GetCapabilities":
        answer = house_for(tmp_path / "full", BARE).post(body)
        assert_valid(standards, answer.content)
        assert etree.fromstring(answer.content).get("version") == "2.0.0"
    elif local(root) == "DescribeProcess":
        check_describe(tmp_path, standards, body, root)
    else:
        check_execute(tmp_path, standards, body, root)


def check_describe(tmp_path, standards, body, root):
    identifiers = [item.text.strip() for item in root.iterfind("{*}Identifier")]
    house = house_for(tmp_path / "full", *(replace(BARE, id=item) for item in identifiers))
    answer = house.post(body)
    assert_valid(standards, answer.content)
    described = [item.findtext("{*}Identifier") for item in etree.fromstring(answer.content).iter(f"{WPS}Process")]
    assert described == identifiers
    assert refusal(house_for(tmp_path / "none").post(body))[0] == "NoSuchProcess"


def check_execute(tmp_path, standards, body, root):
    house = house_for(tmp_path / "full", process_of(root))
    answer = house.post(body)
    assert answer.status_code == 200, answer.text
    (job,) = house.jobs
    assert job.request.mode is Mode(root.get("mode"))
    assert job.request.response is Response(root.get("response"))
    if job.request.response is Response.DOCUMENT or job.request.mode is Mode.ASYNC:
        assert_valid(standards, answer.content)
    assert house.service.wait(job.id, timeout=5).state is State.SUCCEEDED
    given = root.findall(f"{WPS}Input")
    assert [item.id for item in job.request.inputs] == [item.get("id") for item in given]
    for element, item in zip(given, job.request.inputs, strict=True):
        check_input(form_of(element), item.data, house.read)
    wanted = root.findall(f"{WPS}Output")
    assert [(item.id, item.as_reference) for item in job.request.outputs] == [
        (item.get("id"), item.get("transmission") == "reference") for item in wanted
    ]
    assert house.ask("GetResult", job.id).status_code == 200
    assert refusal(house_for(tmp_path / "none").post(body))[0] == "NoSuchProcess"


def check_input(form, data, read):
    match data:
        case LiteralData(value=value):
            text = form.text or ""
            assert value == (text if local(form) == "LiteralValue" else text.strip())
        case BoundingBoxData(lower=lower, upper=upper):
            corners = [tuple(map(float, form.findtext(f"{{*}}{name}Corner").split())) for name in ("Lower", "Upper")]
            assert [lower, upper] == corners
        case ReferenceData(href=href):
            assert href == form.get("{http://www.w3.org/1999/xlink}href")
        case ComplexData(file=file) if len(form):
            assert etree.fromstring(read[file]).tag == next(item.tag for item in form if isinstance(item.tag, str))
        case ComplexData(file=file):
            assert read[file].decode() == (form.text or "").strip()


@pytest.mark.parametrize("file", [file for file in files() if file.endswith(".kvp")])
def test_queries(tmp_path, standards, file):
    query = content(file).decode().strip()
    identifier = parse_qs(query).get("identifier", ["any"])[0]
    answer = house_for(tmp_path, replace(BARE, id=identifier)).get(query)
    assert_valid(standards, answer.content)
    assert local(etree.fromstring(answer.content)) in ("Capabilities", "ProcessOfferings")


@pytest.mark.parametrize("file", [file for file in files("response") if file.endswith(".xml")])
def test_answers_are_no_requests(tmp_path, file):
    answer = house_for(tmp_path, BARE).post(content(file))
    assert answer.status_code == 501
    assert b"OperationNotSupported" in answer.content


def test_there_is_a_corpus(standards):
    assert len(files()) > 40
