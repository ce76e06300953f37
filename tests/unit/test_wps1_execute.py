"""WPS 1.0.0 Execute: inputs in every form, responses in every form, states, failures."""

import base64
import gzip
import time
from dataclasses import replace

import pytest
from lxml import etree

from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, ReferenceData
from cloche.model.execute import Mode, Response
from cloche.model.formats import Format
from cloche.model.job import FailureKind
from cloche.model.state import State
from cloche.protocols.wps1 import Wps1Config
from wps_house import ECHO, URL, XML, House, assert_valid, fails, hold
from wps_xml import NS, document, execute, given, inline, output, raw, value

EXECUTE = "service=WPS&version=1.0.0&request=Execute&identifier="


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def tree(answer, standards=None):
    assert answer.status_code == 200, answer.text
    if standards:
        assert_valid(standards, answer.content)
    return etree.fromstring(answer.content)


def found(root, path):
    return root.find(path, NS)


def refusal(answer):
    root = etree.fromstring(answer.content)
    assert etree.QName(root).localname == "ExceptionReport", answer.text
    exception = found(root, "ows:Exception")
    return answer.status_code, exception.get("exceptionCode"), exception.get("locator")


def eventually(condition):
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


# inputs


def test_literals_and_boxes(house, standards):
    body = execute(
        value("text", "<wps:LiteralData> a &lt; b </wps:LiteralData>")
        + value("text", '<wps:LiteralData dataType="xs:string">second</wps:LiteralData>')
        + value("number", '<wps:LiteralData uom="feet" dataType="float">\n 2.5 </wps:LiteralData>')
        + value(
            "box",
            '<wps:BoundingBoxData crs="EPSG:3857" dimensions="2"><ows:LowerCorner>1 2</ows:LowerCorner>'
            "<ows:UpperCorner>3.5 4</ows:UpperCorner></wps:BoundingBoxData>",
        ),
        document("text", "number", "box"),
    )
    root = tree(house.post(body), standards)
    (job,) = house.jobs
    assert [item.data for item in job.request.inputs] == [
        LiteralData(value=" a < b ", datatype="string"),
        LiteralData(value="second", datatype="string"),
        LiteralData(value="2.5", datatype="double", uom="feet"),
        BoundingBoxData(lower=(1, 2), upper=(3.5, 4), crs="EPSG:3857"),
    ]
    outputs = found(root, "wps:ProcessOutputs")
    number = found(outputs[1], "wps:Data/wps:LiteralData")
    assert (number.text, number.get("uom"), number.get("dataType")) == ("2.5", "feet", "float")
    box = found(outputs[2], "wps:Data/wps:BoundingBoxData")
    assert (box.get("crs"), box.get("dimensions"), [corner.text for corner in box]) == (
        "EPSG:3857",
        "2",
        ["1 2", "3.5 4"],
    )


def test_tolerated_ways_of_writing(house):
    body = execute(
        given("text", "<wps:Data>bare text</wps:Data>")
        + value(
            "box",
            '<wps:BoundingBoxData ows:crs="EPSG:4326" ows:dimensions="2"><ows:LowerCorner>1,2</ows:LowerCorner>'
            "<ows:UpperCorner>3,4</ows:UpperCorner></wps:BoundingBoxData>",
        )
        + inline("<a/>", 'mimeType="" encoding="" schema=""'),
        document(attributes='lineage="false" status=""'),
    ).replace(NS["wps"], "http://www.opengis.net/wps/1.0")
    assert house.post(body).status_code == 200
    text, box, data, _default = house.jobs[0].request.inputs
    assert text.data.value == "bare text"
    assert box.data.crs == "urn:ogc:def:crs:EPSG::4326"
    assert data.data.format == XML


@pytest.mark.parametrize(
    ("content", "attributes", "expected"),
    [
        ('<a xmlns="u"><b/></a>', 'mimeType="text/xml"', b'<a xmlns:wps="%s" '),
        ("{&quot;a&quot;: [1, 2]}", 'mimeType="application/json"', b'{"a": [1, 2]}'),
        ("\n <![CDATA[ <a>&b;</a> ]]> \n", 'mimeType="text/plain"', b" <a>&b;</a> "),
        ("<![CDATA[]]>", 'mimeType="text/plain"', b""),
        ("", 'mimeType="text/plain"', b""),
        ("  one\n two \n ", 'mimeType="text/plain"', b"one\n two"),
        (" AAEC\n /w== ", 'mimeType="image/tiff" encoding="base64"', b"\0\1\2\xff"),
        ("AAEC/w", 'mimeType="image/tiff" encoding="BASE64"', b"\0\1\2\xff"),
        (
            base64.b64encode(gzip.compress(b"packed", mtime=0) + gzip.compress(b" twice", mtime=0)).decode(),
            'mimeType="text/plain" encoding="gzip"',
            b"packed twice",
        ),
    ],
)
def test_complex_data_inline(tmp_path, content, attributes, expected):
    house = House(tmp_path, descriptions=(_with_gzip(),))
    seen = {}

    def keep(house, job):
        data = job.request.inputs[0].data
        seen[data] = house.input(job, data.file)
        house.move(job, State.SUCCEEDED)

    house.play = keep
    assert house.post(execute(inline(content, attributes))).status_code == 200
    ((data, stored),) = seen.items()
    assert data.size == len(stored)
    if b"%s" in expected:
        root = etree.fromstring(stored)
        assert (root.tag, root.nsmap["ows"], len(root)) == ("{u}a", NS["ows"], 1)
    else:
        assert stored == expected


def _with_gzip():
    data = ECHO.input("data")
    formats = (*data.domain.formats, Format(media_type="text/plain", encoding="gzip"))
    inputs = tuple(
        replace(item, domain=replace(item.domain, formats=formats)) if item.id == "data" else item
        for item in ECHO.inputs
        if item.id != "number"
    )
    return replace(ECHO, inputs=inputs)


@pytest.mark.parametrize(
    ("content", "attributes"),
    [
        ("text <a/>", ""),
        ("A*==", 'encoding="base64"'),
        ("AAEC/w==AAEC", 'encoding="base64"'),
        ("é", 'encoding="base64"'),
        ("<a/>", 'encoding="base64"'),
        ("AAEC", 'encoding="gzip" mimeType="text/plain"'),
    ],
)
def test_complex_data_that_is_not_what_it_says(house, content, attributes):
    assert refusal(house.post(execute(inline(content, attributes)))) == (400, "InvalidParameterValue", "data")
    assert not list((house.root / "intake").iterdir())


def test_references(house):
    body = execute(
        given("data", '<wps:Reference xlink:href="http://h/a?b=1&amp;c=2" mimeType="text/xml"/>')
        + given(
            "data",
            '<wps:Reference xlink:href="http://h/post" method="POST" encoding="base64">'
            '<wps:Header key="X-Key" value="v"/><wps:Body><q xmlns="u">1</q></wps:Body></wps:Reference>',
        )
        + given(
            "data",
            '<wps:Reference href="http://h/post" method="POST">'
            '<wps:BodyReference xlink:href="http://h/body"/></wps:Reference>',
        ),
    )
    seen = []

    def keep(house, job):
        seen.extend(item.data for item in job.request.inputs if item.id == "data")
        seen.append(house.input(job, seen[1].body))
        house.move(job, State.SUCCEEDED)

    house.play = keep
    assert house.post(body).status_code == 200
    get, post, by_reference, content = seen
    assert get == ReferenceData(href="http://h/a?b=1&c=2", format=XML)
    assert (post.method, post.headers, post.format.encoding) == ("POST", (("X-Key", "v"),), "base64")
    assert etree.fromstring(content).tag == "{u}q"
    assert by_reference.body_href == "http://h/body"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (execute(attributes=""), (400, "MissingParameterValue", "version")),
        (execute(attributes='version="0.4.0"'), (400, "InvalidParameterValue", "version")),
        (execute(process=""), (400, "MissingParameterValue", "Identifier")),
        (execute(process="nothing"), (400, "InvalidParameterValue", "Identifier")),
        (execute(process="strict"), (400, "MissingParameterValue", "n")),
        (
            execute(value("n", "<wps:LiteralData>x</wps:LiteralData>"), process="strict"),
            (400, "InvalidParameterValue", "n"),
        ),
        (execute(value("m", "<wps:LiteralData>1</wps:LiteralData>")), (400, "InvalidParameterValue", "m")),
        (execute(inline("<a/>") * 4), (400, "InvalidParameterValue", "data")),
        (execute(inline("<a/>", 'mimeType="image/png"')), (400, "InvalidParameterValue", "data")),
        (execute(given("data", "")), (400, "InvalidParameterValue", "data")),
        (execute("<wps:Input/>"), (400, "MissingParameterValue", "Identifier")),
        (execute(value("data", "<wps:Foo/>")), (400, "InvalidParameterValue", "data")),
        (execute(value("choice", "<wps:LiteralData>huge</wps:LiteralData>")), (400, "InvalidParameterValue", "choice")),
        (execute(form=document("nothing")), (400, "InvalidParameterValue", "nothing")),
        (execute(form=document("<wps:Output/>")), (400, "MissingParameterValue", "Identifier")),
        (execute(form=raw("data") + document()), (400, "InvalidParameterValue", "RawDataOutput")),
        (execute(form=raw("data", 'mimeType="image/png"')), (400, "InvalidParameterValue", "data")),
        (execute(form=document(attributes='status="true"')), (400, "InvalidParameterValue", "status")),
        (execute(form=document(attributes='lineage="maybe"')), (400, "InvalidParameterValue", "lineage")),
        (
            execute(form=document(attributes='storeExecuteResponse="true"'), process="sync-only"),
            (400, "StorageNotSupported", "storeExecuteResponse"),
        ),
        (execute(process="async-only"), (400, "InvalidParameterValue", "storeExecuteResponse")),
        (execute(attributes='version="1.0.0" language="xx"'), (400, "InvalidParameterValue", "language")),
    ],
)
def test_requests_that_are_refused(house, standards, body, expected):
    answer = house.post(body)
    assert refusal(answer) == expected
    assert_valid(standards, answer.content)
    assert house.jobs == []


def test_the_queue_is_full(house, standards):
    house.store.full = True
    answer = house.post(execute())
    assert refusal(answer) == (503, "ServerBusy", None)
    assert answer.headers["retry-after"] == "7"
    assert "no slot" in answer.text
    assert_valid(standards, answer.content)


# responses


def test_a_document_names_what_was_asked_for(house, standards):
    form = (
        '<wps:ResponseDocument><wps:Output mimeType="text/xml"><ows:Identifier>data</ows:Identifier>'
        "<ows:Title>My &amp; title</ows:Title><ows:Abstract>Mine</ows:Abstract></wps:Output></wps:ResponseDocument>"
    )
    body = execute(inline('<?pi?><a xmlns="u">ü</a>') + value("text", "<wps:LiteralData>t</wps:LiteralData>"), form)
    answer = house.post(body.encode())
    root = tree(answer, standards)
    assert answer.content.split(b"?>\n", 1)[1].startswith(b"<wps:ExecuteResponse")
    assert root.get("serviceInstance") == f"{URL}/wps?service=WPS&request=GetCapabilities&version=1.0.0"
    assert root.get("statusLocation") is None
    assert found(root, "wps:Process").get(f"{{{NS['wps']}}}processVersion") == "1.2.0"
    assert found(root, "wps:Status").get("creationTime").endswith("Z")
    assert found(root, "wps:Status/wps:ProcessSucceeded").text
    (result,) = found(root, "wps:ProcessOutputs")
    assert [item.text for item in result[:3]] == ["data", "My & title", "Mine"]
    data = found(result, "wps:Data/wps:ComplexData")
    assert (data.get("mimeType"), data[0].tag, data[0].text) == ("text/xml", "{u}a", "ü")
    assert found(root, "wps:DataInputs") is None


def test_without_a_form_all_outputs_come(house):
    root = tree(house.post(execute(inline("<a/>") + value("text", "<wps:LiteralData>t</wps:LiteralData>"))))
    assert [item.text for item in root.iterfind("wps:ProcessOutputs/wps:Output/ows:Identifier", NS)] == [
        "text",
        "number",
        "data",
    ]


@pytest.mark.parametrize(
    ("content", "format", "attributes", "encoding"),
    [
        (b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "x.dtd"><!-- c --><a>1</a>\n', "text/xml", "", None),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"), "text/xml", "", None),
        (b"<a><b></a>", "text/xml", "", None),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "text/xml", "", None),
        ('{"a": "<ü>]]>&\r\n"}'.encode(), "application/json", "", None),
        (b"control \x01", "text/plain", "", "base64"),
        (b"\xff\xfe\x00", "text/plain", "", "base64"),
        (b"\0\1\2\3", "image/tiff", "", "base64"),
        (b"plain", "text/plain", 'encoding="base64"', "base64"),
        (b"", "text/plain", "", None),
    ],
)
@pytest.mark.parametrize("small_bytes", [1 << 18, 0])
def test_results_are_embedded_so_that_they_arrive_whole(
    tmp_path, standards, content, format, attributes, encoding, small_bytes
):
    house = House(tmp_path, config=Wps1Config(url=URL, small_bytes=small_bytes))

    def play(house, job):
        wanted = job.request.outputs[0]
        house.move(job, State.SUCCEEDED, outputs=(house.store_output(job, "data", content, wanted.format),))

    house.play = play
    form = document(output("data", f'mimeType="{format}" {attributes}'))
    root = tree(house.post(execute(form=form)), standards)
    data = found(root, "wps:ProcessOutputs/wps:Output/wps:Data/wps:ComplexData")
    assert data.get("encoding") == encoding
    if len(data):
        assert data[0].tag == "a"
        assert data[0].text in ("1", "é")
    elif encoding:
        assert base64.b64decode(data.text) == content
    else:
        assert (data.text or "").encode() == content


def test_results_by_reference(house, standards):
    form = document(output("data", 'asReference="true" mimeType="application/json"'))
    body = execute(inline("[1]", 'mimeType="application/json"'), form)
    root = tree(house.post(body), standards)
    reference = found(root, "wps:ProcessOutputs/wps:Output/wps:Reference")
    assert (reference.get("mimeType"), reference.get("encoding")) == ("application/json", None)
    answer = house.client.get(reference.get("href"))
    assert (answer.content, answer.headers["content-type"]) == (b"[1]", "application/json")


def test_lineage_copies_the_request(house, standards):
    body = execute(
        value("text", '<wps:LiteralData>"t" &lt;</wps:LiteralData>')
        + inline('<a xmlns="u"/>')
        + inline("AAEC", 'mimeType="image/tiff" encoding="base64"')
        + given(
            "data",
            '<wps:Reference xlink:href="http://h/?a=1&amp;b=2" method="POST"><wps:Header key="k" value="v"/>'
            "<wps:Body><q/></wps:Body></wps:Reference>",
        ),
        document("text", "data", attributes='lineage="true"'),
    )
    root = tree(house.post(body), standards)
    assert [etree.QName(item).localname for item in root] == [
        "Process",
        "Status",
        "DataInputs",
        "OutputDefinitions",
        "ProcessOutputs",
    ]
    inputs = list(found(root, "wps:DataInputs"))
    assert [found(item, "ows:Identifier").text for item in inputs] == ["text", "data", "data", "data", "number"]
    assert found(inputs[0], "wps:Data/wps:LiteralData").text == '"t" <'
    assert found(inputs[1], "wps:Data/wps:ComplexData")[0].tag == "{u}a"
    assert found(inputs[2], "wps:Data/wps:ComplexData").text == "AAEC"
    reference = found(inputs[3], "wps:Reference")
    assert reference.get(f"{{{NS['xlink']}}}href") == "http://h/?a=1&b=2"
    assert found(reference, "wps:Body")[0].tag == "q"
    definitions = list(found(root, "wps:OutputDefinitions"))
    assert [item.get("mimeType") for item in definitions] == [None, "text/xml"]


def test_lineage_of_a_process_without_inputs(house, standards):
    root = tree(house.post(execute(form=document("out", attributes='lineage="true"'), process="bare")), standards)
    assert found(root, "wps:DataInputs") is None
    assert len(found(root, "wps:OutputDefinitions")) == 1


@pytest.mark.parametrize(
    ("inputs", "form", "content", "media_type", "headers"),
    [
        (inline("<a/>"), raw("data"), b"<a ", "text/xml", {}),
        (
            inline("AAEC", 'mimeType="image/tiff" encoding="base64"'),
            raw("data", 'mimeType="image/tiff"'),
            b"\0\1\2",
            "image/tiff",
            {},
        ),
        (
            inline("AAEC", 'mimeType="image/tiff" encoding="base64"'),
            raw("data", 'mimeType="image/tiff" encoding="base64"'),
            b"AAEC",
            "image/tiff",
            {"content-transfer-encoding": "base64"},
        ),
        (
            value("text", "<wps:LiteralData>é</wps:LiteralData>"),
            raw("text"),
            "é".encode(),
            "text/plain; charset=utf-8",
            {},
        ),
        (
            value(
                "box",
                "<wps:BoundingBoxData><ows:LowerCorner>1 2</ows:LowerCorner><ows:UpperCorner>3 4</ows:UpperCorner>"
                "</wps:BoundingBoxData>",
            ),
            raw("box"),
            b"1,2,3,4,urn:ogc:def:crs:EPSG::4326",
            "text/plain; charset=utf-8",
            {},
        ),
    ],
)
def test_raw_output_is_the_output(house, inputs, form, content, media_type, headers):
    answer = house.post(execute(inputs, form).encode())
    assert answer.status_code == 200
    assert answer.content.startswith(content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert {name: answer.headers[name] for name in headers} == headers
    assert house.jobs[0].request.response is Response.RAW


def test_the_language_of_the_request_is_the_answers(house):
    root = tree(house.post(execute(attributes='version="1.0.0" language="de"')))
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert found(root, "wps:Process/ows:Title").text == "Widerhall"
    root = tree(house.post(execute(), **{"accept-language": "fr"}))
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr-CA"


# failures


@pytest.mark.parametrize(
    ("kind", "document_answer", "raw_answer"),
    [
        (FailureKind.INPUT, (400, "InvalidParameterValue", "text"), (400, "InvalidParameterValue", "text")),
        (FailureKind.REFERENCE, (400, "InvalidParameterValue", "text"), (400, "InvalidParameterValue", "text")),
        (FailureKind.PROCESS, None, (500, "NoApplicableCode", None)),
        (FailureKind.LIMIT, None, (500, "NoApplicableCode", None)),
        (FailureKind.CRASH, None, (500, "NoApplicableCode", None)),
        (FailureKind.LOST, None, (500, "NoApplicableCode", None)),
    ],
)
def test_failed_executions(house, standards, kind, document_answer, raw_answer):
    house.play = fails(kind, "it <broke>", "text")
    answer = house.post(execute())
    assert_valid(standards, answer.content)
    if document_answer:
        assert refusal(answer) == document_answer
    else:
        exception = found(tree(answer), "wps:Status/wps:ProcessFailed/ows:ExceptionReport/ows:Exception")
        assert found(exception, "ows:ExceptionText").text == "it <broke>"
    assert refusal(house.post(execute(form=raw("text")))) == raw_answer


# stored responses


def test_a_stored_response_is_a_live_document(house, standards):
    house.play = hold
    answer = house.post(
        execute(inline("<a/>"), document("data", attributes='storeExecuteResponse="true" status="true"'))
    )
    root = tree(answer, standards)
    (job,) = house.jobs
    assert job.request.mode is Mode.ASYNC
    location = root.get("statusLocation")
    assert location == f"{URL}/wps/jobs/{job.id}"
    assert found(root, "wps:Status/wps:ProcessAccepted").text

    def status(state, **values):
        house.move(job, state, **values)
        answer = house.client.get(location)
        assert answer.headers["cache-control"] == "no-store"
        return found(tree(answer, standards), "wps:Status")[0]

    for state, values, name, percent, text in (
        (State.STARTING, {}, "ProcessStarted", "0", None),
        (State.RUNNING, {"progress": 40, "message": "dissolving & more"}, "ProcessStarted", "40", "dissolving & more"),
        (State.PAUSED, {}, "ProcessPaused", "40", "dissolving & more"),
        (State.FINISHING, {"progress": 100}, "ProcessStarted", "99", None),
    ):
        element = status(state, **values)
        assert (etree.QName(element).localname, element.get("percentCompleted")) == (name, percent)
        assert text is None or element.text == text
    stored = house.store_output(job, "data", b"<a/>", XML)
    assert etree.QName(status(State.SUCCEEDED, outputs=(stored,))).localname == "ProcessSucceeded"
    assert found(tree(house.client.get(location)), ".//wps:ComplexData/a") is not None
    assert house.client.head(location).content == b""


def test_without_status_the_document_tells_no_progress(house, standards):
    house.play = hold
    root = tree(house.post(execute(form=document("text", attributes='storeExecuteResponse="true"'))), standards)
    house.move(house.jobs[0], State.RUNNING, progress=40, message="halfway")
    started = found(tree(house.client.get(root.get("statusLocation")), standards), "wps:Status/wps:ProcessStarted")
    assert started.get("percentCompleted") is None
    assert "halfway" not in started.text


@pytest.mark.parametrize("state", [State.FAILED, State.DISMISSED])
def test_a_stored_response_tells_of_failure(house, standards, state):
    house.play = fails(FailureKind.INPUT, "wrong", "text") if state is State.FAILED else hold
    root = tree(house.post(execute(form=document("text", attributes='storeExecuteResponse="true"'))))
    if state is State.DISMISSED:
        house.move(house.jobs[0], state)
    eventually(lambda: house.jobs[0].state is state)
    root = tree(house.client.get(root.get("statusLocation")), standards)
    exception = found(root, "wps:Status/wps:ProcessFailed/ows:ExceptionReport/ows:Exception")
    assert exception.get("locator") == ("text" if state is State.FAILED else None)


def test_unknown_jobs_and_withdrawn_processes(house, standards):
    answer = house.client.get("/wps/jobs/none")
    assert refusal(answer) == (404, "NoApplicableCode", None)
    assert_valid(standards, answer.content)
    assert refusal(house.client.post("/wps/jobs/none"))[0] == 405
    root = tree(house.post(execute(form=document("number", attributes='storeExecuteResponse="true"'))))
    eventually(lambda: house.jobs[0].state is State.SUCCEEDED)
    house.catalog.descriptions = []
    root = tree(house.client.get(root.get("statusLocation")), standards)
    assert found(root, "wps:Process/ows:Title").text == "echo"


def test_soap_carries_executions(house, standards):
    envelope = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{}</s:Body></s:Envelope>'
    answer = house.post(envelope.format(execute(inline("<a/>"), document("data"))))
    assert found(tree(answer, standards), ".//wps:ComplexData/a") is not None
    answer = house.post(envelope.format(execute(process="nothing")))
    assert answer.status_code == 400
    assert etree.fromstring(answer.content).find(".//ows:Exception", NS).get("locator") == "Identifier"
    answer = house.post(envelope.format(execute(form=raw("data"))))
    assert etree.fromstring(answer.content).find(".//ows:Exception", NS).get("locator") == "RawDataOutput"


# KVP


def test_execute_in_kvp(house, standards):
    data = (
        "text=a%3Bb%40c.d;text=e%3Df@datatype=string;number=2@uom=feet;box=1,2,3,4,EPSG:3857,2;"
        "data=%3Ca%2F%3E@mimeType=text%2Fxml;data=AAEC@Format=image/tiff@encoding=base64;"
        "data=@xlink:href=http%3A%2F%2Fh%2F%3Fa%3D1%26b%3D2@method=GET"
    )
    answer = house.get(f"{EXECUTE}echo&DataInputs=[{data}]&ResponseDocument=text;data@asReference=true&lineage=true")
    root = tree(answer, standards)
    inputs = [item.data for item in house.jobs[0].request.inputs]
    assert [item.value for item in inputs[:3]] == ["a;b@c.d", "e=f", "2.0"]
    assert inputs[3] == BoundingBoxData(lower=(1, 2), upper=(3, 4), crs="EPSG:3857")
    assert [(item.format, item.size) for item in inputs[4:6] if isinstance(item, ComplexData)] == [
        (XML, 4),
        (Format(media_type="image/tiff", encoding="base64"), 3),
    ]
    assert inputs[6].href == "http://h/?a=1&b=2"
    assert found(root, "wps:ProcessOutputs/wps:Output/wps:Reference") is not None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (400, "MissingParameterValue", "identifier")),
        ("strict", (400, "MissingParameterValue", "n")),
        ("strict&DataInputs=n=x", (400, "InvalidParameterValue", "n")),
        ("strict&DataInputs=n=1;n=2", (400, "InvalidParameterValue", "n")),
        ("strict&DataInputs=n=1;m=2", (400, "InvalidParameterValue", "m")),
        (
            "strict&DataInputs=n=1&RawDataOutput=out&ResponseDocument=out",
            (400, "InvalidParameterValue", "RawDataOutput"),
        ),
        ("strict&DataInputs=n=1&RawDataOutput=out;out", (400, "InvalidParameterValue", "RawDataOutput")),
        ("strict&DataInputs=n=1&status=true", (400, "InvalidParameterValue", "status")),
        ("strict&DataInputs=n=1&lineage=perhaps", (400, "InvalidParameterValue", "lineage")),
        ("echo&DataInputs=box=1,2,3", (400, "InvalidParameterValue", "box")),
        ("echo&DataInputs=box=a,b", (400, "InvalidParameterValue", "box")),
        ("echo&DataInputs=data=AA*@encoding=base64", (400, "InvalidParameterValue", "data")),
        ("echo&DataInputs=data=@href=http://h/@method=POST", (400, "InvalidParameterValue", "data")),
        ("nothing", (400, "InvalidParameterValue", "Identifier")),
    ],
)
def test_kvp_that_is_refused(house, query, expected):
    assert refusal(house.get(EXECUTE + query)) == expected
    assert not list((house.root / "intake").iterdir())


def test_kvp_raw_and_stored(house, standards):
    answer = house.get(f"{EXECUTE}strict&DataInputs=n=4&RawDataOutput=out")
    assert (answer.content, answer.headers["content-type"]) == (b"42", "text/plain; charset=utf-8")
    answer = house.get(f"{EXECUTE}strict&DataInputs=n=4&storeExecuteResponse=true&status=true&lineage=true")
    root = tree(answer, standards)
    eventually(lambda: house.jobs[1].state is State.SUCCEEDED)
    root = tree(house.client.get(root.get("statusLocation")), standards)
    assert found(root, "wps:DataInputs/wps:Input/wps:Data/wps:LiteralData").text == "4"
    result = found(root, "wps:ProcessOutputs/wps:Output/wps:Data/wps:LiteralData")
    assert (result.text, result.get("dataType")) == ("42", "integer")
