"""WPS 2.0 capabilities and descriptions, and what is refused before any operation."""

from dataclasses import replace

import pytest
from lxml import etree

from cloche.model.domains import ComplexDomain
from cloche.model.formats import Format
from wps2_house import DECLARED, NS, House2
from wps_house import ASYNC, BARE, ECHO, SYNC, URL, assert_valid

CAPABILITIES = "service=WPS&version=2.0.0&request=GetCapabilities"
DESCRIBE = "service=WPS&version=2.0.0&request=DescribeProcess&identifier="


@pytest.fixture
def house(tmp_path):
    return House2(tmp_path)


def tree(answer, standards=None):
    assert answer.status_code == 200, answer.text
    if standards:
        assert_valid(standards, answer.content)
    return etree.fromstring(answer.content)


def texts(root, path):
    return [item if isinstance(item, str) else item.text for item in root.xpath(path, namespaces=NS)]


def refusal(answer):
    exception = etree.fromstring(answer.content).find("{http://www.opengis.net/ows/2.0}Exception")
    assert exception is not None, answer.text
    return answer.status_code, exception.get("exceptionCode"), exception.get("locator")


def test_capabilities(house, standards):
    answer = house.get(CAPABILITIES)
    root = tree(answer, standards)
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert (root.get("version"), root.get("service")) == ("2.0.0", "WPS")
    assert [etree.QName(item).localname for item in root] == [
        "ServiceIdentification",
        "ServiceProvider",
        "OperationsMetadata",
        "Languages",
        "Contents",
    ]
    assert texts(root, "//ows:Language") == ["en-US", "de", "fr-CA"]
    assert texts(root, "//ows:Operation/@name") == [
        "GetCapabilities",
        "DescribeProcess",
        "GetStatus",
        "GetResult",
        "Dismiss",
        "Pause",
        "Resume",
        "Execute",
    ]
    (execute,) = root.xpath("//ows:Operation[@name='Execute']", namespaces=NS)
    assert [etree.QName(item).localname for item in execute.iter()][3:] == ["Post"]
    summaries = {item.findtext("ows:Identifier", namespaces=NS): item for item in root.iter("{*}ProcessSummary")}
    echo = summaries["echo"]
    assert dict(echo.attrib) == {
        "jobControlOptions": "sync-execute async-execute dismiss",
        "outputTransmission": "value reference",
        "processVersion": "1.2.0",
        "processModel": "native",
    }
    assert echo.findtext("ows:Abstract", namespaces=NS) == "Gives back what it is given & more."
    assert summaries["sync-only"].get("jobControlOptions") == "sync-execute"
    assert summaries["async-only"].get("jobControlOptions") == "async-execute"
    assert summaries["bare"].get("processVersion") == "1.0.0"


@pytest.mark.parametrize(
    ("version", "told"), [("1.2.3", "1.2.3"), ("7", "7.0.0"), ("2024.1", "2024.1.0"), ("1.0.100", None), ("v1", None)]
)
def test_versions_of_processes(tmp_path, standards, version, told):
    house = House2(tmp_path, descriptions=(replace(BARE, version=version),))
    (summary,) = tree(house.get(CAPABILITIES), standards).iter("{*}ProcessSummary")
    assert summary.get("processVersion") == told


def test_pause_is_offered_where_it_can_be_done(tmp_path, standards):
    house = House2(tmp_path, pausing=True, descriptions=(SYNC, ASYNC, replace(BARE, mode="other")))
    options = texts(tree(house.get(CAPABILITIES), standards), "//wps:ProcessSummary/@jobControlOptions")
    assert options == [
        "async-execute urn:cloche:wps:pause",
        "sync-execute async-execute dismiss",
        "sync-execute urn:cloche:wps:pause",
    ]


def test_addresses(house):
    root = tree(house.get(CAPABILITIES))
    assert set(texts(root, "//ows:Post/@xlink:href")) == {f"{URL}/wps"}
    house.path = "/wps/2.0.0"
    root = tree(house.get(CAPABILITIES))
    assert set(texts(root, "//ows:Post/@xlink:href")) == {f"{URL}/wps/2.0.0"}


def test_sections_and_sequence(house, standards):
    root = tree(house.get(f"{CAPABILITIES}&sections=ServiceProvider,Nonsense"), standards)
    assert [etree.QName(item).localname for item in root] == ["ServiceProvider", "Contents"]
    assert len(tree(house.get(f"{CAPABILITIES}&sections=All"), standards)) == 5
    sequence = root.get("updateSequence")
    again = tree(house.get(f"{CAPABILITIES}&updateSequence={sequence}"))
    assert (again.get("updateSequence"), len(again)) == (sequence, 0)
    assert len(tree(house.get(f"{CAPABILITIES}&updateSequence=1"), standards)) == 5
    later = house.get(f"{CAPABILITIES}&updateSequence={int(sequence) + 1}")
    assert refusal(later) == (400, "InvalidUpdateSequence", None)
    house.catalog.number += 1
    assert int(tree(house.get(CAPABILITIES)).get("updateSequence")) == int(sequence) + 1


@pytest.mark.parametrize(
    ("asked", "header", "title"),
    [
        ("de", "", "Widerhall"),
        ("fr,de", "", "Echo"),
        ("xx,de", "", "Widerhall"),
        ("xx,*", "", "Echo"),
        ("", "de", "Widerhall"),
        ("en", "de", "Echo"),
    ],
)
def test_languages(house, standards, asked, header, title):
    headers = {"accept-language": header} if header else {}
    root = tree(house.get(f"{CAPABILITIES}&AcceptLanguages={asked}", **headers), standards)
    assert texts(root, "//wps:ProcessSummary[ows:Identifier='echo']/ows:Title") == [title]


def test_languages_that_are_not_there(house):
    assert refusal(house.get(f"{CAPABILITIES}&AcceptLanguages=xx,yy")) == (
        400,
        "InvalidParameterValue",
        "AcceptLanguages",
    )
    assert refusal(house.get(f"{DESCRIBE}echo&lang=xx")) == (400, "InvalidParameterValue", "lang")
    assert refusal(house.get(f"{DESCRIBE}echo&lang=en-GB"))[1] == "InvalidParameterValue"


def test_descriptions(house, standards):
    root = tree(house.get(f"{DESCRIBE}echo&lang=de"), standards)
    (process,) = root.iter("{*}Process")
    assert process.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert process.findtext("ows:Title", namespaces=NS) == "Widerhall"
    inputs = {item.findtext("ows:Identifier", namespaces=NS): item for item in process.iterfind("wps:Input", NS)}
    assert (inputs["text"].get("minOccurs"), inputs["text"].get("maxOccurs")) == ("0", "unbounded")
    number = inputs["number"].findall("wps:LiteralData/LiteralDataDomain", NS)
    assert [(item.get("default"), item.findtext("ows:UOM", namespaces=NS)) for item in number] == [
        ("true", "metre"),
        ("false", "feet"),
    ]
    assert [item.findtext("ows:DefaultValue", namespaces=NS) for item in number] == ["1", None]
    range_ = number[0].find("ows:AllowedValues/ows:Range", NS)
    assert [item.text for item in range_] == ["0", "10"]
    assert range_.get("{http://www.opengis.net/ows/2.0}rangeClosure") == "open-closed"
    datatype = number[0].find("ows:DataType", NS)
    assert (datatype.text, datatype.get("{http://www.opengis.net/ows/2.0}reference")) == (
        "double",
        "http://www.w3.org/2001/XMLSchema#double",
    )
    assert texts(inputs["choice"], ".//ows:Value") == ["small", "large"]
    assert inputs["text"].find(".//ows:AnyValue", NS) is not None
    systems = inputs["box"].findall(".//wps:SupportedCRS", NS)
    assert [(item.text, item.get("default")) for item in systems] == [
        ("urn:ogc:def:crs:EPSG::4326", "true"),
        ("EPSG:3857", None),
    ]
    formats = inputs["data"].findall(".//wps:Format", NS)
    assert [item.get("default") for item in formats] == ["true", None, None, None, None]
    assert formats[4].get("schema").endswith("gml.xsd")
    assert {item.get("maximumMegabytes") for item in formats} == {"64"}
    defaults = {
        item.findtext("ows:Identifier", namespaces=NS): item.find(".//wps:Format[@default]", NS).get("mimeType")
        for item in process.iterfind("wps:Output", NS)
    }
    assert defaults == {"text": "text/xml", "number": "text/xml", "box": "text/xml", "data": "text/xml"}


def test_many_descriptions(house, standards):
    everything = tree(house.get(f"{DESCRIBE}ALL"), standards)
    identifiers = texts(everything, "//wps:Process/ows:Identifier")
    assert len(identifiers) == len(set(identifiers)) == 5
    two = tree(house.get(f"{DESCRIBE}strict,echo,strict"), standards)
    assert texts(two, "//wps:Process/ows:Identifier") == ["strict", "echo"]
    assert refusal(house.get(f"{DESCRIBE}echo,nothing"))[1] == "NoSuchProcess"
    assert refusal(house.get(DESCRIBE)) == (400, "MissingParameterValue", "identifier")


def test_odd_formats_are_valid(tmp_path, standards):
    domain = ComplexDomain(formats=(Format(media_type="application/x-a; b=c", encoding="base64", schema="u:x"),))
    output = replace(BARE.outputs[0], domain=domain)
    house = House2(tmp_path, descriptions=(replace(BARE, keywords=("a", "b & c"), outputs=(output,)),))
    root = tree(house.get(f"{DESCRIBE}bare"), standards)
    assert texts(root, "//wps:Process/ows:Keywords/ows:Keyword") == ["a", "b & c"]


def test_requests_in_xml(house, standards):
    versions = "<ows:AcceptVersions><ows:Version>2.0.0</ows:Version></ows:AcceptVersions>"
    languages = "<ows:AcceptLanguages><ows:Language>de</ows:Language></ows:AcceptLanguages>"
    body = f'<wps:GetCapabilities service="WPS" {DECLARED}>{versions}{languages}</wps:GetCapabilities>'
    root = tree(house.post(body), standards)
    assert texts(root, "//wps:ProcessSummary[ows:Identifier='echo']/ows:Title") == ["Widerhall"]
    identifier = "<ows:Identifier>echo</ows:Identifier>"
    attributes = f'service="WPS" version="2.0.0" xml:lang="de" {DECLARED}'
    body = f"<wps:DescribeProcess {attributes}>{identifier}</wps:DescribeProcess>"
    assert texts(tree(house.post(body), standards), "//wps:Process/ows:Title") == ["Widerhall"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (400, "MissingParameterValue", "service")),
        ("service=WPS", (400, "MissingParameterValue", "request")),
        ("service=WMS&request=GetCapabilities", (400, "InvalidParameterValue", "service")),
        ("service=WPS&request=GetMap", (501, "OperationNotSupported", "GetMap")),
        ("service=WPS&version=2.0.0&request=Execute", (501, "OperationNotSupported", "Execute")),
        ("service=WPS&version=3.0.0&request=GetCapabilities", (400, "VersionNegotiationFailed", None)),
        ("service=WPS&AcceptVersions=3.0.0&request=GetCapabilities", (400, "VersionNegotiationFailed", None)),
        ("service=WPS&request=DescribeProcess&identifier=echo", (400, "MissingParameterValue", "version")),
        ("service=WPS&version=3.0.0&request=DescribeProcess&identifier=x", (400, "InvalidParameterValue", "version")),
    ],
)
@pytest.mark.parametrize("path", ["/wps", "/wps/2.0.0"])
def test_refusals(house, standards, query, expected, path):
    house.path = path
    answer = house.get(query)
    assert refusal(answer) == expected
    assert_valid(standards, answer.content)
    assert etree.fromstring(answer.content).get("version") == "2.0.0"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'<wps:getcapabilities service="WPS" {DECLARED}/>', (501, "OperationNotSupported", "getcapabilities")),
        (f"<wps:GetCapabilities {DECLARED}/>", (400, "MissingParameterValue", "service")),
        ('<GetCapabilities xmlns="urn:x" service="WPS"/>', (400, "InvalidParameterValue", "version")),
        (
            f'<wps:DescribeProcess service="WPS" version="2.0.0" {DECLARED}/>',
            (400, "MissingParameterValue", "Identifier"),
        ),
    ],
)
def test_documents_that_are_refused(house, standards, body, expected):
    answer = house.post(body)
    assert refusal(answer) == expected
    assert_valid(standards, answer.content)


def test_the_same_question_is_answered_from_memory(house, monkeypatch):
    first = house.get(f"{DESCRIBE}echo")
    monkeypatch.setattr(house.service, "process", lambda _: 1 / 0)
    assert house.get(f"{DESCRIBE}echo").content == first.content
    house.catalog.number += 1
    assert house.get(f"{DESCRIBE}echo").status_code == 500


def test_other_methods(house):
    assert house.client.put("/wps/2.0.0").status_code == 405
    head = house.client.head(f"/wps?{CAPABILITIES}")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(house.get(CAPABILITIES).content)
    assert ECHO.title.encode() in house.get(CAPABILITIES).content
