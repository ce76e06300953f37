"""WPS 1.0.0 GetCapabilities and DescribeProcess: documents, negotiation, refusals, the answers kept ready."""

from dataclasses import replace

import pytest
from lxml import etree

from cloche.protocols.wps1 import Contact, ServiceMetadata, Wps1Config
from wps_house import ECHO, URL, House, assert_valid

NS = {
    "wps": "http://www.opengis.net/wps/1.0.0",
    "ows": "http://www.opengis.net/ows/1.1",
    "xlink": "http://www.w3.org/1999/xlink",
}
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
CAPABILITIES = "service=WPS&request=GetCapabilities"
DESCRIBE = "service=WPS&request=DescribeProcess&version=1.0.0&identifier="


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def tree(answer):
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content)


def texts(root, path):
    return [item if isinstance(item, str) else item.text for item in root.xpath(path, namespaces=NS)]


def refused(answer, status, code, locator):
    assert answer.status_code == status, answer.text
    root = etree.fromstring(answer.content)
    assert root.tag == f"{{{NS['ows']}}}ExceptionReport"
    exception = root.find("ows:Exception", NS)
    assert (exception.get("exceptionCode"), exception.get("locator")) == (code, locator)
    assert exception.findtext("ows:ExceptionText", namespaces=NS)


def test_capabilities_offer_every_process_and_validate(house, standards):
    answer = house.get(CAPABILITIES)
    assert_valid(standards, answer.content)
    root = tree(answer)
    assert texts(root, "//wps:Process/ows:Identifier") == ["async-only", "bare", "echo", "strict", "sync-only"]
    assert texts(root, "//wps:Process/@wps:processVersion")[2] == "1.2.0"
    assert texts(root, "//ows:Operation/@name") == ["GetCapabilities", "DescribeProcess", "Execute"]
    assert set(texts(root, "//ows:Get/@xlink:href")) == {f"{URL}/wps?"}
    assert set(texts(root, "//ows:Post/@xlink:href")) == {f"{URL}/wps"}
    assert texts(root, "//wps:Supported/ows:Language") == ["en-US", "de", "fr-CA"]
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"


def test_service_metadata_is_complete_and_in_order(tmp_path, standards):
    contact = Contact(
        individual="Ada <A>", position="Analyst", role="owner", phone="1", fax="2", delivery_point="Street & 3",
        city="Tartu", administrative_area="T", postal_code="5", country="EE", email="a@example.org",
        url="http://example.org/?a=1&b=2", hours="9-5", instructions="ring",
    )  # fmt: skip
    metadata = ServiceMetadata(
        title="T & T", abstract="A", keywords=("one", "two"), keywords_type="theme", profiles=("urn:p",), fees="none",
        access_constraints=("c1", "c2"), provider_name="P", provider_site="http://example.org/", contact=contact,
    )  # fmt: skip
    house = House(tmp_path, config=Wps1Config(url=URL, metadata=metadata))
    answer = house.get(CAPABILITIES)
    assert_valid(standards, answer.content)
    root = tree(answer)
    assert texts(root, "//ows:ServiceContact//*[not(*)]") == [
        "Ada <A>", "Analyst", "1", "2", "Street & 3", "Tartu", "T", "5", "EE", "a@example.org", None, "9-5", "ring",
        "owner",
    ]  # fmt: skip
    assert texts(root, "//ows:OnlineResource/@xlink:href") == ["http://example.org/?a=1&b=2"]
    assert texts(root, "//ows:AccessConstraints") == ["c1", "c2"]


@pytest.mark.parametrize(
    ("query", "status", "code", "locator"),
    [
        ("", 400, "MissingParameterValue", "service"),
        ("request=GetCapabilities", 400, "MissingParameterValue", "service"),
        ("service=WFS&request=GetCapabilities", 400, "InvalidParameterValue", "service"),
        ("service=WPS", 400, "MissingParameterValue", "request"),
        ("service=WPS&request=GetFeature", 501, "OperationNotSupported", "GetFeature"),
        (f"{CAPABILITIES}&AcceptVersions=2.0.0,3.0.0", 400, "VersionNegotiationFailed", None),
        (f"{CAPABILITIES}&version=3.0.0", 400, "VersionNegotiationFailed", None),
        (f"{CAPABILITIES}&language=en-CA", 400, "InvalidParameterValue", "language"),
        (f"{CAPABILITIES}&updateSequence=99999999999", 400, "InvalidUpdateSequence", None),
        ("service=WPS&request=DescribeProcess&version=1.0.0", 400, "MissingParameterValue", "identifier"),
        ("service=WPS&request=DescribeProcess&identifier=echo", 400, "MissingParameterValue", "version"),
        ("service=WPS&request=DescribeProcess&identifier=echo&version=0.4.0", 400, "InvalidParameterValue", "version"),
        (f"{DESCRIBE}echo,none", 400, "InvalidParameterValue", "Identifier"),
        (f"{DESCRIBE}echo&language=xx", 400, "InvalidParameterValue", "language"),
    ],
)
def test_refusals_carry_code_locator_and_status(house, standards, query, status, code, locator):
    answer = house.get(query)
    refused(answer, status, code, locator)
    assert_valid(standards, answer.content)


@pytest.mark.parametrize(
    "query",
    [
        "SERVICE=wps&ReQuEsT=getcapabilities",
        f"{CAPABILITIES}&AcceptVersions=2.0.0,1.0.0",
        f"{CAPABILITIES}&AcceptVersions=2.0.0%2C1.0.0",
        f"{CAPABILITIES}&version=1.0.0&unknown=1&=&&",
        f"{CAPABILITIES}&AcceptFormats=application/x-bxml",
        f"{CAPABILITIES}&updateSequence=opaque",
        f"{CAPABILITIES}&updateSequence=1",
    ],
)
def test_tolerated_requests_get_capabilities(house, query):
    assert len(texts(tree(house.get(query)), "//wps:Process")) == 5


def test_the_format_asked_for_first_is_sent(house):
    answer = house.get(f"{CAPABILITIES}&AcceptFormats=application/x-bxml,application/xml,text/xml")
    assert answer.headers["content-type"].startswith("application/xml;")


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("", {"ServiceIdentification", "ServiceProvider", "OperationsMetadata"}),
        ("All", {"ServiceIdentification", "ServiceProvider", "OperationsMetadata"}),
        ("serviceidentification,Contents", {"ServiceIdentification"}),
        ("ServiceProvider,OperationsMetadata", {"ServiceProvider", "OperationsMetadata"}),
        ("ProcessOfferings", set()),
    ],
)
def test_sections_choose_what_the_schema_leaves_free(house, standards, sections, expected):
    answer = house.get(f"{CAPABILITIES}&Sections={sections}")
    assert_valid(standards, answer.content)
    found = {etree.QName(child).localname for child in tree(answer)}
    assert found == expected | {"ProcessOfferings", "Languages"}


def test_a_current_update_sequence_gets_an_empty_document(house):
    current = tree(house.get(CAPABILITIES)).get("updateSequence")
    root = tree(house.get(f"{CAPABILITIES}&updateSequence={current}"))
    assert (len(root), root.get("updateSequence"), root.get("version")) == (0, current, "1.0.0")
    house.catalog.number += 1
    root = tree(house.get(f"{CAPABILITIES}&updateSequence={current}"))
    assert len(root) == 5
    assert int(root.get("updateSequence")) > int(current)


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        ("", "", "en-US"),
        ("&language=de", "", "de"),
        ("&language=DE", "fr", "de"),
        ("&language=en", "", "en-US"),
        ("", "fr;q=0.5, de-AT, de;q=0.9", "de"),
        ("", "xx, *;q=0.1", "en-US"),
        ("", "fr", "fr-CA"),
        ("", "q=;;,,;q=x", "en-US"),
    ],
)
def test_language_is_chosen_and_said(house, query, header, expected):
    for request in (CAPABILITIES, f"{DESCRIBE}echo"):
        assert tree(house.get(request + query, **{"accept-language": header})).get(LANG) == expected


def test_titles_are_translated(house):
    root = tree(house.get(f"{DESCRIBE}echo&language=de"))
    assert texts(root, "ProcessDescription/ows:Title|ProcessDescription/ows:Abstract") == [
        "Widerhall",
        "Gibt zurück, was es bekommt.",
    ]
    assert texts(tree(house.get(f"{CAPABILITIES}&language=de")), "//wps:Process[3]/ows:Title") == ["Widerhall"]


def test_descriptions_say_everything_and_validate(house, standards):
    answer = house.get(f"{DESCRIBE}echo")
    assert_valid(standards, answer.content)
    root = tree(answer)
    process = root.find("ProcessDescription")
    assert (process.get("storeSupported"), process.get("statusSupported")) == ("true", "true")
    inputs = {item.findtext("ows:Identifier", namespaces=NS): item for item in process.iterfind("DataInputs/Input")}
    assert (inputs["text"].get("minOccurs"), inputs["text"].get("maxOccurs")) == ("0", str(2**31 - 1))
    number = inputs["number"]
    assert texts(number, "LiteralData/ows:DataType") == ["float"]
    assert texts(number, "LiteralData/ows:DataType/@ows:reference") == ["http://www.w3.org/TR/xmlschema-2/#double"]
    assert texts(number, ".//ows:Range/@ows:rangeClosure") == ["open-closed"]
    assert texts(number, ".//ows:Range/*") == ["0", "10"]
    assert texts(number, ".//Supported/ows:UOM") == ["metre", "feet"]
    assert texts(number, "LiteralData/DefaultValue") == ["1"]
    assert texts(inputs["choice"], ".//ows:Value") == ["small", "large"]
    assert texts(inputs["box"], "BoundingBoxData/*/CRS") == [
        ECHO.input("box").domain.crs[0],
        *ECHO.input("box").domain.crs,
    ]
    assert inputs["data"].find("ComplexData").get("maximumMegabytes") == "64"
    assert texts(inputs["data"], "ComplexData/Default/Format/*") == ["text/xml"]
    assert texts(inputs["data"], "ComplexData/Supported/Format/Schema") == [
        "http://schemas.opengis.net/gml/3.1.1/base/gml.xsd"
    ]
    assert len(texts(process, "ProcessOutputs/Output")) == 4


def test_several_and_all_processes_are_described_in_order(house, standards):
    path = "ProcessDescription/ows:Identifier"
    assert texts(tree(house.get(f"{DESCRIBE}strict,%20echo%2Cbare,strict")), path) == ["strict", "echo", "bare"]
    answer = house.get(f"{DESCRIBE}all")
    assert_valid(standards, answer.content)
    assert len(texts(tree(answer), path)) == 5
    described = texts(tree(house.get(f"{DESCRIBE}sync-only")), "ProcessDescription/@storeSupported")
    assert described == ["false"]
    assert not texts(tree(house.get(f"{DESCRIBE}bare")), "//DataInputs")


@pytest.mark.parametrize("path", ["/wps"])
def test_requests_in_xml(house, standards, path):
    wps = "xmlns='http://www.opengis.net/wps/1.0.0' xmlns:ows='http://www.opengis.net/ows/1.1' service='WPS'"
    versions = "<ows:AcceptVersions><ows:Version>1.0.0</ows:Version></ows:AcceptVersions>"
    body = f"<GetCapabilities {wps} language='de'>{versions}</GetCapabilities>"
    answer = house.client.post(path, content=body)
    assert_valid(standards, answer.content)
    assert tree(answer).get(LANG) == "de"
    identifiers = "<ows:Identifier>echo</ows:Identifier><ows:Identifier>bare</ows:Identifier>"
    body = f"<DescribeProcess {wps} version='1.0.0'>{identifiers}</DescribeProcess>"
    answer = house.client.post(path, content=body)
    assert texts(tree(answer), "ProcessDescription/ows:Identifier") == ["echo", "bare"]


@pytest.mark.parametrize(
    ("body", "status", "code", "locator"),
    [
        ("", 400, "MissingParameterValue", "request"),
        ("service=WPS", 400, "NoApplicableCode", None),
        ("<getcapabilities service='WPS'/>", 501, "OperationNotSupported", "getcapabilities"),
        ("<GetCapabilities/>", 400, "MissingParameterValue", "service"),
        (
            "<GetCapabilities service='WPS' xmlns='http://www.opengis.net/wps/2.0'/>",
            400,
            "InvalidParameterValue",
            "version",
        ),
        ("<DescribeProcess service='WPS' version='1.0.0'/>", 400, "MissingParameterValue", "Identifier"),
        ("<DescribeProcess service='WPS'/>", 400, "MissingParameterValue", "version"),
        ("<!DOCTYPE x><GetCapabilities service='WPS'/>", 400, "NoApplicableCode", None),
        ("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", 400, "NoApplicableCode", None),
        ("<a><b></a>", 400, "NoApplicableCode", None),
        ("<p:a/>", 400, "NoApplicableCode", None),
    ],
)
def test_documents_that_are_refused(house, standards, body, status, code, locator):
    answer = house.post(body)
    refused(answer, status, code, locator)
    assert_valid(standards, answer.content)


def test_soap_is_unwrapped_and_wrapped(house, standards):
    for namespace, media_type in (
        ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml"),
        ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml"),
    ):
        request = "<w:{0} xmlns:w='http://www.opengis.net/wps/1.0.0' service='WPS'/>"
        envelope = f"<s:Envelope xmlns:s='{namespace}'><s:Header/><s:Body>{{}}</s:Body></s:Envelope>"
        answer = house.post(envelope.format(request.format("GetCapabilities")))
        assert answer.headers["content-type"].startswith(f"{media_type};")
        assert_valid(standards, answer.content)
        root = tree(answer)
        assert root.tag == f"{{{namespace}}}Envelope"
        assert len(texts(root, "//wps:Process")) == 5
        answer = house.post(envelope.format(request.format("DescribeProcess")))
        root = etree.fromstring(answer.content)
        assert answer.status_code == (500 if "xmlsoap" in namespace else 400)
        assert [etree.QName(item).localname for item in root[0]] == ["Fault"]
        assert texts(root, "//ows:Exception/@locator") == ["version"]
        assert house.post(envelope.format("")).status_code == 400


def test_other_methods_are_refused_and_head_has_no_body(house):
    answer = house.client.put("/wps", content="x")
    refused(answer, 405, "NoApplicableCode", None)
    head = house.client.head(f"/wps?{CAPABILITIES}")
    assert head.content == b""
    assert int(head.headers["content-length"]) == len(house.get(CAPABILITIES).content)


def test_ready_answers_follow_the_catalog(house):
    query = f"{DESCRIBE}echo"
    first = house.get(query)
    assert house.get(query).content == first.content
    house.catalog.descriptions[2] = replace(ECHO, title="Renewed")
    assert house.get(query).content == first.content
    house.catalog.number += 1
    assert "Renewed" in house.get(query).text
    assert house.get(query, **{"accept-language": "de"}).text != house.get(query).text


def test_an_empty_catalog_is_answered(tmp_path):
    house = House(tmp_path, descriptions=())
    assert house.get(CAPABILITIES).status_code == 200
    refused(house.get(f"{DESCRIBE}ALL"), 400, "InvalidParameterValue", "Identifier")


def test_what_nobody_expected_is_a_report_too(house, monkeypatch, standards):
    monkeypatch.setattr(house.service, "processes", lambda: 1 / 0)
    answer = house.get(CAPABILITIES)
    refused(answer, 500, "NoApplicableCode", None)
    assert "zero" not in answer.text
