"""The tests of OGC's suite for WPS 2.0 (ets-wps20 1.1), done again: same requests, same demands, same names.

The released jar is run by ``run.py`` where it can be had; this is for where it cannot.
"""

import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from lxml import etree

import live
from tongues import WPS2, declared
from wps_house import assert_valid

ECHO = "org.n52.javaps.test.EchoProcess"
# declared as the suite does: the attribute is a foreign one
FOREIGN = 'xmlns:xsi="http://www.aw3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.opengis.net/wps/2.0 x"'
# the suite leaves many jobs behind and asks for a synchronous execution at once: that is refused without a free slot
SETTINGS = """
[server]
parallelprocesses = 12
[references]
allowedhosts = ["127.0.0.1"]
"""


@pytest.fixture(scope="module")
def vehicle():
    """A host with a text file, as the suite's is on GitHub."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"car")

        def log_message(self, *_):
            pass

    host = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=host.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{host.server_port}/vehicle.txt"
    host.shutdown()
    thread.join()
    host.server_close()


@pytest.fixture(scope="module")
def live_server():
    with live.home() as folder:
        running = live.start(folder, SETTINGS, demo=True)
        yield running
        running.end()


@pytest.fixture(scope="module", params=["/wps", "/wps/2.0.0"])
def suite(request, live_server):
    return Suite(live_server.url + request.param)


class Suite:
    """The service under test."""

    def __init__(self, iut):
        self.iut = iut
        description = self.document(
            self.kvp(Service="WPS", Version="2.0.0", Request="DescribeProcess", Identifier=ECHO)
        )
        self.literal = self._last(description, "Input", "LiteralData"), self._last(description, "Output", "LiteralData")
        self.complex = self._last(description, "Input", "ComplexData"), self._last(description, "Output", "ComplexData")

    def _last(self, description, kind, form):
        """The suite's rule: the last text literal, the last complex one."""
        found = [
            item.findtext("ows:Identifier", namespaces=WPS2)
            for item in description.iter(f"{{{WPS2['wps']}}}{kind}")
            if item.find(f"wps:{form}", WPS2) is not None
            and (form == "ComplexData" or (item.findtext(".//ows:DataType", namespaces=WPS2) or "").lower() == "string")
        ]
        return found[-1]

    def send(self, request):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def kvp(self, **parameters):
        return self.send(f"{self.iut}?{urllib.parse.urlencode(parameters)}")

    def post(self, body):
        headers = {"Content-Type": "application/xml"}
        return self.send(urllib.request.Request(self.iut, body.encode("latin-1"), headers))

    def document(self, answer):
        return etree.fromstring(answer[1])

    def execute(self, *, mode="sync", response="raw", content=None, transmission="value", ids=None, attributes=""):
        given, wanted = ids or self.literal
        content = content or "<wps:Data><wps:LiteralValue>hello_literal</wps:LiteralValue></wps:Data>"
        return self.post(
            f'<wps:Execute {declared(WPS2)} service="WPS" version="2.0.0" response="{response}" mode="{mode}" '
            f"{attributes}>\n    <ows:Identifier>{ECHO}</ows:Identifier>\n"
            f'    <wps:Input id="{given}">\n        {content}\n    </wps:Input>\n'
            f'    <wps:Output id="{wanted}" transmission="{transmission}" />\n</wps:Execute>'
        )

    def job(self, **options):
        root = self.document(self.execute(mode="async", **options))
        assert etree.QName(root).localname == "StatusInfo"
        return root.findtext("wps:JobID", namespaces=WPS2)

    def ask(self, operation, job):
        head = f'wps:{operation} {declared(WPS2)} service="WPS" version="2.0.0"'
        return self.post(f"<{head}><wps:JobID>{job}</wps:JobID></wps:{operation}>")


def has(answer, name):
    return next(etree.fromstring(answer[1]).iter(f"{{{WPS2['wps']}}}{name}"), None) is not None


def cases(name, **parameters):
    """Parameter names in upper and in lower case."""
    given = {"Service": "WPS", "Version": "2.0.0", "Request": name} | parameters
    return [{fold(key): value for key, value in given.items()} for fold in (str.upper, str.lower)]


def test_a_4_1_verify_process_xml_encoding(suite, standards):
    answer = suite.kvp(Service="WPS", Version="2.0.0", Request="DescribeProcess", Identifier=ECHO)
    assert_valid(standards, answer[1])


def test_a_4_3_verify_process_data_type_xml_encoding(suite):
    answer = suite.kvp(Service="WPS", Version="2.0.0", Request="DescribeProcess", Identifier=ECHO)
    assert all(has(answer, name) for name in ("LiteralData", "ComplexData", "BoundingBoxData"))


def test_precondition_valid_echo_process(suite):
    assert b"hello_literal" in suite.execute()[1]
    content = "<wps:Data><wps:ComplexData><testElement>hello_complex</testElement></wps:ComplexData></wps:Data>"
    answer = suite.document(suite.execute(content=content, ids=suite.complex))
    assert [item.text for item in answer.iter("testElement")] == ["hello_complex"]


def test_a_5_1_valid_service_name(suite):
    assert suite.kvp(Service="WPS", Version="2.0.0", Request="GetCapabilities")[0] == 200
    assert suite.kvp(Service="WMS", Version="2.0.0", Request="GetCapabilities")[0] != 200


def test_a_5_2_valid_service_version(suite):
    assert suite.kvp(Service="WPS", Version="2.0.0", Request="GetCapabilities")[0] == 200
    assert suite.kvp(Service="WPS", Version="3.0.0", Request="GetCapabilities")[0] != 200


def test_a_5_3_and_a_5_5_data_transmission_by_value(suite):
    assert has(suite.execute(response="document", attributes=FOREIGN), "Data")


def test_a_5_4_input_data_transmission_by_reference(suite, vehicle):
    content = f'<wps:Reference mimeType="text/plain" xlink:href="{vehicle}" />'
    answer = suite.execute(response="document", content=content, attributes=FOREIGN)
    assert has(answer, "Result"), answer
    assert b"car" in answer[1]


def test_a_5_6_output_data_transmission_by_reference(suite, vehicle):
    content = f'<wps:Reference mimeType="text/plain" xlink:href="{vehicle}" />'
    answer = suite.execute(response="document", content=content, transmission="reference", attributes=FOREIGN)
    assert has(answer, "Reference"), answer
    href = next(suite.document(answer).iter("{*}Reference")).get("{http://www.w3.org/1999/xlink}href")
    assert b"car" in suite.send(href)[1]


def test_a_5_7_valid_unique_identifier(suite):
    answer = suite.kvp(Service="WPS", Version="2.0.0", Request="DescribeProcess", Identifier="ALL")
    found = [item.findtext("ows:Identifier", namespaces=WPS2) for item in suite.document(answer).iter("{*}Process")]
    assert len(found) == len(set(found)) > 1


def test_a_5_8_valid_unique_job_identifier(suite):
    jobs = [suite.job(response="document") for _ in range(9)]
    assert len(set(jobs)) == 9


def test_a_5_9_get_capabilities_via_post(suite):
    body = f'<wps:GetCapabilities {declared(WPS2)} service="WPS"></wps:GetCapabilities>'
    assert has(suite.post(body), "Capabilities")


def test_a_5_10_describe_process_via_post(suite):
    identifier = f"<ows:Identifier>{ECHO}</ows:Identifier>"
    body = f'<wps:DescribeProcess {declared(WPS2)} service="WPS" version="2.0.0">{identifier}</wps:DescribeProcess>'
    assert has(suite.post(body), "ProcessOfferings")


def test_a_5_11_sync_execute(suite):
    assert has(suite.execute(response="document"), "Result")
    assert b"hello_literal" in suite.execute(response="raw")[1]


def test_a_5_12_async_execute(suite):
    assert has(suite.execute(mode="async", response="document"), "Status")


def test_a_5_13_auto_execute(suite):
    answer = suite.kvp(Service="WPS", Version="2.0.0", Request="DescribeProcess", Identifier=ECHO)
    offering = next(suite.document(answer).iter("{*}ProcessOffering"))
    assert "reference" in offering.get("outputTransmission")
    assert "value" in offering.get("outputTransmission")
    for mode in ("sync", "async"):
        assert f"{mode}-execute" in offering.get("jobControlOptions")
        for response in ("document", "raw"):
            assert suite.execute(mode=mode, response=response)[0] == 200
    assert suite.execute(mode="auto", response="document")[0] == 200


def test_a_5_14_get_status_via_post(suite):
    assert has(suite.ask("GetStatus", suite.job(response="document")), "Status")


def test_a_5_15_get_result_via_post(suite):
    raw, document = suite.job(response="raw"), suite.job(response="document")
    assert has(suite.ask("GetResult", raw), "LiteralValue")
    assert b"LiteralValue" in suite.ask("GetResult", document)[1]


def test_a_5_16_get_capabilities_via_get(suite):
    assert all(has(suite.kvp(**given), "Capabilities") for given in cases("GetCapabilities"))


def test_a_5_17_describe_process_via_get(suite):
    answer = suite.kvp(Service="WPS", Version="2.0.0", Request="GetCapabilities")
    first = next(suite.document(answer).iter(f"{{{WPS2['ows']}}}Identifier")).text
    assert all(has(suite.kvp(**given), "ProcessOfferings") for given in cases("DescribeProcess", Identifier=first))


def test_a_5_18_get_status_via_get(suite):
    job = suite.job(response="document")
    assert all(has(suite.kvp(**given), "Status") for given in cases("GetStatus", JobID=job))


def test_a_5_19_get_result_via_get(suite):
    """The suite never polls: it demands that the first GetStatus says Succeeded."""
    for response, name in (("document", "Result"), ("raw", "LiteralValue")):
        job = suite.job(response=response)
        status = suite.document(suite.kvp(Service="WPS", Version="2.0.0", Request="GetStatus", JobID=job))
        assert status.findtext("wps:Status", namespaces=WPS2).lower() == "succeeded"
        assert has(suite.kvp(Service="WPS", Version="2.0.0", Request="GetResult", JobID=job), name)
