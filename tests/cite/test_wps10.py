"""The tests of OGC's suite for WPS 1.0.0 (ets-wps10 0.8), done again: same requests, same demands, same names.

The released jar is run by ``run.py`` where it can be had; this is for where it cannot.
"""

import urllib.error
import urllib.request

import pytest
from lxml import etree

from wps_house import assert_valid

WPS, OWS = "http://www.opengis.net/wps/1.0.0", "http://www.opengis.net/ows/1.1"
ECHO = "org.n52.wps.server.algorithm.test.EchoProcess"
GET = "?service=wps&request=GetCapabilities"
DECLARED = f'xmlns:wps="{WPS}" xmlns:ows="{OWS}" xmlns:xlink="http://www.w3.org/1999/xlink"'


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Suite:
    """The service under test. Lines are joined as the suite does: with nothing between them."""

    def __init__(self, iut):
        self.iut = iut
        self.opener = urllib.request.build_opener(NoRedirect)
        _, kind, body = self.send("")
        assert kind
        assert etree.fromstring(body) is not None
        _, _, body = self.send(f"{GET}&language=en-US")
        self.process = next(etree.fromstring(body).iter(f"{{{OWS}}}Identifier")).text

    def send(self, query, body=None, *, whole=False):
        address = query if whole else self.iut + query
        data = None if body is None else body.encode()
        request = urllib.request.Request(address, data, {"Content-Type": "text/xml"} if data else {})
        if body == "":
            request = urllib.request.Request(address, method="POST")
        try:
            answer = self.opener.open(request, timeout=60)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            return answer.status, answer.headers["Content-Type"], answer.read().replace(b"\r", b"").replace(b"\n", b"")

    def refused(self, query, body=""):
        status, _, answer = self.send(query, body)
        assert 400 <= status < 600
        assert etree.fromstring(answer).tag == f"{{{OWS}}}ExceptionReport"

    def execute(self, form, query=""):
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<wps:Execute service="WPS" version="1.0.0" {DECLARED}>'
            f"<ows:Identifier>{ECHO}</ows:Identifier><wps:DataInputs>"
            "<wps:Input><ows:Identifier>complexInput</ows:Identifier><wps:Data><wps:ComplexData>"
            "<testElement>testValue</testElement></wps:ComplexData></wps:Data></wps:Input>"
            "<wps:Input><ows:Identifier>literalInput</ows:Identifier><wps:Data>"
            '<wps:LiteralData dataType="xs:string">Hello!</wps:LiteralData></wps:Data></wps:Input>'
            f"</wps:DataInputs><wps:ResponseForm>{form}</wps:ResponseForm></wps:Execute>"
        )
        return self.send(query, body)


@pytest.fixture(scope="module")
def suite(server):
    return Suite(f"{server.url}/wps/1.0.0")


@pytest.fixture(autouse=True)
def _capabilities_first(request, suite):
    """Every A.4.4 test wants this before anything else."""
    assert suite.send(f"{GET}&version=1.0.0")[0] == 200


def stored(store):
    outputs = "".join(
        f'<wps:Output asReference="false" encoding="UTF-8"><ows:Identifier>{name}</ows:Identifier></wps:Output>'
        for name in ("literalOutput", "complexOutput")
    )
    attributes = f'storeExecuteResponse="{store}" lineage="false" status="false"'
    return f"<wps:ResponseDocument {attributes}>{outputs}</wps:ResponseDocument>"


def test_get_capabilities_http_protocol_usage(suite):
    assert suite.send(f"{GET}&version=1.0.0")[0] == 200


def test_get_capabilities_http_response_status_code(suite):
    suite.refused(f"{GET}&version=1.0.0")


def test_describe_process_http_protocol_usage(suite):
    query = f"?service=wps&request=DescribeProcess&Version=1.0.0&identifier={suite.process}"
    assert suite.send(query)[0] == 200


def test_describe_process_http_response_status_code(suite):
    suite.refused(f"?service=wps&request=DescribeProcess&Version=1.0.0&identifier={suite.process}")


def test_execute_http_response_status_code(suite):
    suite.refused("?service=wps&request=DescribeProcess&Version=1.0.0&identifier=JTS:Invalid")


def test_http_get_transferred_kvp_get_capabilities(suite):
    statuses = {suite.send(f"{GET}{more}")[0] for more in ("", "&AcceptVersions=1.0.0", "&aCcepTVersioNS=1.0.0")}
    assert statuses == {200}


def test_http_post_transferred_xml_get_capabilities(suite):
    _, _, answer = suite.send("", f'<wps:GetCapabilities service="WPS" {DECLARED}/>')
    assert etree.fromstring(answer).tag == f"{{{WPS}}}Capabilities"
    suite.refused("", f'<wps:getcapabilities service="WPS" {DECLARED}/>')


def test_get_capabilities_response(suite, standards):
    for more in ("", "&AcceptVersions=1.0.0"):
        assert_valid(standards, suite.send(f"{GET}{more}")[2])


def test_version_negotiation_get_capabilities(suite):
    for more in ("", "&AcceptVersions=1.0.0"):
        root = etree.fromstring(suite.send(f"{GET}{more}")[2])
        listed = [item.text for item in root.iter(f"{{{OWS}}}ServiceTypeVersion")]
        assert root.tag == f"{{{WPS}}}Capabilities"
        assert root.get("version") == max(listed)
    for version in ("3.0.0", "0.0.1"):
        assert b'exceptionCode="VersionNegotiationFailed"' in suite.send(f"{GET}&AcceptVersions={version}")[2]


def test_handling_update_sequence(suite, standards):
    for kind in ("text/xml", "application/x-bxml"):
        assert_valid(standards, suite.send(f"{GET}&AcceptFormats={kind}")[2])


def languages(suite):
    root = etree.fromstring(suite.send(GET)[2])
    return [item.text for item in root.findall(f".//{{{WPS}}}Supported/{{{OWS}}}Language")]


def test_language_selection_get_capabilities(suite):
    assert languages(suite)
    for language in languages(suite):
        root = etree.fromstring(suite.send(f"{GET}&language={language}")[2])
        assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == language


def test_http_get_transferred_kvp_describe_process(suite):
    query = f"?service=wps&request=DescribeProcess&version=1.0.0&Identifier={suite.process}"
    assert suite.send(query)[0] == 200


def test_http_post_transferred_xml_describe_process(suite):
    identifier = f"<ows:Identifier>{suite.process}</ows:Identifier>"
    body = f'<wps:DescribeProcess service="WPS" version="1.0.0" {DECLARED}>{identifier}</wps:DescribeProcess>'
    assert etree.fromstring(suite.send("", body)[2]).tag == f"{{{WPS}}}ProcessDescriptions"


def test_describe_process_response(suite, standards):
    """The suite leaves out the equals sign."""
    assert_valid(
        standards, suite.send(f"?service=wps&request=DescribeProcess&version=1.0.0&Identifier{suite.process}")[2]
    )


def test_language_selection_describe_process(suite):
    for language in languages(suite):
        query = f"?service=wps&request=DescribeProcess&version=1.0.0&Identifier={suite.process}&language={language}"
        root = etree.fromstring(suite.send(query)[2])
        assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == language


EXECUTE = f"?service=WPS&version=1.0.0&request=Execute&identifier={ECHO}&DataInputs=literalInput=hello"


def test_http_get_transferred_execute(suite, standards):
    status, _, answer = suite.send(EXECUTE)
    assert status == 200
    assert_valid(standards, answer)
    assert etree.fromstring(answer).tag == f"{{{WPS}}}ExecuteResponse"


def test_http_post_transferred_execute_and_raw_data_output(suite):
    """The suite only validates its own requests here; they are sent too."""
    raw = "<wps:RawDataOutput><ows:Identifier>complexOutput</ows:Identifier></wps:RawDataOutput>"
    status, _, answer = suite.execute(raw)
    assert (status, etree.fromstring(answer).text) == (200, "testValue")


def test_response_document_execute(suite, standards):
    status, _, answer = suite.execute(stored("false"))
    assert status == 200
    assert_valid(standards, answer)


def test_updating_response_document_execute(suite, standards):
    status, _, answer = suite.execute(stored("true"))
    assert status == 200
    assert_valid(standards, answer)
    root = etree.fromstring(answer)
    assert root.getprevious() is None
    _, _, document = suite.send(root.get("statusLocation"), whole=True)
    assert_valid(standards, document)
    assert etree.fromstring(document).tag == f"{{{WPS}}}ExecuteResponse"


def test_language_selection_execute(suite, standards):
    assert suite.send(f"{EXECUTE}&Language=en-US")[0] < 300
    assert_valid(standards, suite.send(EXECUTE)[2])
