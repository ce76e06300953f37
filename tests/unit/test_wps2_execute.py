"""WPS 2.0 Execute: inputs in every form, responses in every form, refusals."""

import base64
from dataclasses import replace

import pytest
from lxml import etree

from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, Output, ReferenceData
from cloche.model.execute import Mode, Response
from cloche.model.formats import Format
from cloche.model.job import FailureKind
from cloche.model.state import State
from cloche.protocols._http.limits import BodyLimits
from wps2_house import DECLARED, NS, House2, data, execute, given, output
from wps_house import ECHO, URL, XML, assert_valid, fails

LITERAL = "<wps:LiteralValue>{}</wps:LiteralValue>"


@pytest.fixture
def house(tmp_path):
    return House2(tmp_path)


def tree(answer, standards=None):
    assert answer.status_code == 200, answer.text
    if standards:
        assert_valid(standards, answer.content)
    return etree.fromstring(answer.content)


def refusal(answer):
    root = etree.fromstring(answer.content)
    exception = root.find(".//{http://www.opengis.net/ows/2.0}Exception")
    assert exception is not None, answer.text
    return answer.status_code, exception.get("exceptionCode"), exception.get("locator")


def outputs(root):
    return {item.get("id"): item[0] for item in root.findall("wps:Output", NS)}


def test_literals_and_boxes(house, standards):
    body = execute(
        data("text", "<wps:LiteralValue> a &lt; b </wps:LiteralValue>"),
        data(
            "text", '<v:LiteralValue xmlns:v="http://www.opengis.net/wps/2.0" dataType="xs:string">b</v:LiteralValue>'
        ),
        data("text", "\n  bare &amp; <![CDATA[simple]]>\n"),
        data(
            "number",
            '<wps:LiteralValue uom="feet" dataType="http://www.w3.org/2001/XMLSchema#double"> 2.5 </wps:LiteralValue>',
        ),
        data(
            "box",
            '\n<ows:BoundingBox crs="EPSG:3857" dimensions="2"><ows:LowerCorner>1 2</ows:LowerCorner>'
            "<ows:UpperCorner>3.5 4</ows:UpperCorner></ows:BoundingBox>\n",
            'mimeType="text/xml"',
        ),
        output("text"),
        output("number"),
        output("box"),
    )
    root = tree(house.post(body), standards)
    (job,) = house.jobs
    assert [item.data for item in job.request.inputs] == [
        LiteralData(value=" a < b ", datatype="string"),
        LiteralData(value="b", datatype="string"),
        LiteralData(value="bare & simple", datatype="string"),
        LiteralData(value="2.5", datatype="double", uom="feet"),
        BoundingBoxData(lower=(1, 2), upper=(3.5, 4), crs="EPSG:3857"),
    ]
    assert root.findtext("wps:JobID", namespaces=NS) == job.id
    found = outputs(root)
    number = found["number"].find("wps:LiteralValue", NS)
    assert (number.text, number.get("uom")) == ("2.5", "feet")
    assert number.get("dataType") == "http://www.w3.org/2001/XMLSchema#double"
    box = found["box"].find("ows:BoundingBox", NS)
    assert (box.get("crs"), [corner.text for corner in box]) == ("EPSG:3857", ["1 2", "3.5 4"])


def test_text_that_turns_out_to_be_a_literal_leaves_no_file(house):
    assert house.post(execute(data("text", "bare"), output("text"))).status_code == 200
    assert not list((house.dirs.jobdir(house.jobs[0].id) / "in").iterdir())


@pytest.mark.parametrize(
    ("content", "attributes", "expected"),
    [
        ('<a xmlns="u"><b/></a>', 'mimeType="text/xml"', b"xml"),
        ("<testElement>hello</testElement>", "", b"xml"),
        ("<wps:ComplexData><testElement>hello</testElement></wps:ComplexData>", "", b"xml"),
        ("{&quot;a&quot;: [1, 2]}", 'mimeType="application/json"', b'{"a": [1, 2]}'),
        ('<wps:ComplexData mimeType="text/plain">POINT (1 2)</wps:ComplexData>', "", b"POINT (1 2)"),
        ("\n <![CDATA[ <a>&b;</a> ]]> \n", 'mimeType="text/plain"', b" <a>&b;</a> "),
        ("", 'mimeType="text/plain"', b""),
        (" AAEC\n /w== ", 'mimeType="image/tiff" encoding="base64"', b"\0\1\2\xff"),
    ],
)
def test_complex_data(tmp_path, content, attributes, expected):
    house, seen = House2(tmp_path), {}

    def keep(house, job):
        (item,) = (item for item in job.request.inputs if item.id == "data")
        seen[item.data.format.media_type] = house.input(job, item.data.file)
        house.move(job, State.SUCCEEDED, outputs=(Output(id="text", data=LiteralData(value="done")),))

    house.play = keep
    answer = house.post(execute(data("data", content, attributes), output("text")))
    assert answer.status_code == 200, answer.text
    ((_, stored),) = seen.items()
    if expected == b"xml":
        assert etree.fromstring(stored).tag in ("{u}a", "testElement")
    else:
        assert stored == expected


def test_references(house):
    body = execute(
        given("data", '<wps:Reference xlink:href="http://h/a?b=1&amp;c=2" mimeType="text/xml"/>'),
        given("data", '<wps:Reference xlink:href="http://h/p"><wps:Body><q xmlns="u"/></wps:Body></wps:Reference>'),
        given(
            "data",
            '<wps:Reference xlink:href="http://h/p"><wps:BodyReference xlink:href="http://h/b"/></wps:Reference>',
        ),
        given("text", '<wps:Reference xlink:href="http://h/t" mimeType="text/plain"/>'),
        output("text"),
        mode="async",
    )
    assert house.post(body).status_code == 200
    get, post, indirect, literal = (item.data for item in house.jobs[0].request.inputs[:4])
    assert get == ReferenceData(href="http://h/a?b=1&c=2", format=XML)
    assert (post.method, post.body is not None) == ("POST", True)
    assert (indirect.method, indirect.body_href) == ("POST", "http://h/b")
    assert literal == ReferenceData(href="http://h/t", format=Format(media_type="text/plain"))


def test_a_large_body_goes_to_a_file(tmp_path):
    house = House2(tmp_path, body=BodyLimits(memory_bytes=1 << 12), max_input_bytes=None)
    content = base64.b64encode(bytes(range(256)) * 1000).decode()
    body = execute(data("data", content, 'mimeType="image/tiff" encoding="base64"'), output("data"))
    answer = house.post(body)
    given_back = outputs(tree(answer))["data"]
    assert (given_back.get("encoding"), base64.b64decode(given_back.text)) == ("base64", bytes(range(256)) * 1000)
    (item,) = (item for item in house.jobs[0].request.inputs if item.id == "data")
    assert isinstance(item.data, ComplexData)
    assert item.data.size == 256_000


# responses


def test_values_and_references(house, standards):
    body = execute(
        data("text", LITERAL.format("t")),
        data("data", '<a xmlns="u">ü</a>'),
        data(
            "box",
            "<ows:BoundingBox><ows:LowerCorner>1 2</ows:LowerCorner>"
            "<ows:UpperCorner>3 4</ows:UpperCorner></ows:BoundingBox>",
        ),
        output("text", 'transmission="reference" mimeType="text/plain"'),
        output("data", 'transmission="reference"'),
        output("box", 'transmission="reference"'),
        output("number", 'mimeType="text/plain"'),
    )
    answer = house.post(body.encode())
    root = tree(answer, standards)
    found = outputs(root)
    text, complex_, box = found["text"], found["data"], found["box"]
    href = "{http://www.w3.org/1999/xlink}href"
    assert etree.QName(text).localname == "Reference"
    assert house.client.get(text.get(href)).text == "t"
    assert etree.fromstring(house.client.get(complex_.get(href)).content).text == "ü"
    boxed = house.client.get(box.get(href))
    assert_valid(standards, boxed.content)
    assert etree.fromstring(boxed.content).get("crs") == "urn:ogc:def:crs:EPSG::4326"
    assert (found["number"].text, found["number"].get("mimeType"), len(found["number"])) == ("1.0", "text/plain", 0)
    gone = house.client.get(f"{URL}/wps/jobs/{house.jobs[0].id}/results/nothing")
    assert refusal(gone) == (400, "NoSuchOutput", "nothing")


def test_raw_responses(house, standards):
    raw = {"response": "raw"}
    literal = house.post(execute(data("text", "hello"), output("text"), **raw))
    assert_valid(standards, literal.content)
    assert etree.fromstring(literal.content).text == "hello"
    plain = house.post(execute(data("text", "hello"), output("text", 'mimeType="text/plain"'), **raw))
    assert (plain.text, plain.headers["content-type"]) == ("hello", "text/plain; charset=utf-8")
    file = house.post(execute(data("data", "<t>x</t>"), output("data"), **raw))
    assert (etree.fromstring(file.content).text, file.headers["content-type"].split(";")[0]) == ("x", "text/xml")
    packed = house.post(
        execute(
            data("data", "AAEC", 'mimeType="image/tiff" encoding="base64"'),
            output("data", 'mimeType="image/tiff"'),
            **raw,
        )
    )
    assert packed.content == b"\0\1\2"
    assert {job.request.response for job in house.jobs} == {Response.RAW}


def test_all_outputs_where_none_is_named(house, standards):
    root = tree(house.post(execute(data("text", "t"))), standards)
    assert set(outputs(root)) == {"text", "number"}


def test_modes(house, standards):
    modes = {"sync": "Result", "async": "StatusInfo", "auto": "StatusInfo"}
    for mode, root in modes.items():
        answer = house.post(execute(data("text", "t"), output("text"), mode=mode))
        assert etree.QName(tree(answer, standards)).localname == root
    assert [job.request.mode for job in house.jobs] == [Mode.SYNC, Mode.ASYNC, Mode.ASYNC]
    answer = house.post(execute(output("out"), process="sync-only", mode="auto"))
    assert etree.QName(tree(answer, standards)).localname == "Result"


def test_the_language_is_that_of_the_header(house):
    house.post(execute(data("text", "t"), output("text")), **{"accept-language": "fr, de;q=0.5"})
    assert house.jobs[0].request.language == "fr-CA"


# refusals

OUT = output("text")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (execute(OUT).replace(' version="2.0.0"', ""), (400, "MissingParameterValue", "version")),
        (execute(OUT).replace("2.0.0", "1.0.0"), (400, "InvalidParameterValue", "version")),
        (execute(OUT).replace(' service="WPS"', ""), (400, "MissingParameterValue", "service")),
        (execute(OUT).replace(' mode="sync"', ""), (400, "MissingParameterValue", "mode")),
        (execute(OUT, mode="later"), (400, "InvalidParameterValue", "mode")),
        (execute(OUT, response="pretty"), (400, "InvalidParameterValue", "response")),
        (execute(OUT, process=""), (400, "MissingParameterValue", "Identifier")),
        (execute(OUT, process="nothing"), (400, "NoSuchProcess", "Identifier")),
        (execute(output("out"), process="strict"), (400, "MissingParameterValue", "n")),
        (execute(data("n", "x"), output("out"), process="strict"), (400, "WrongInputData", "n")),
        (execute(data("n", "<x/>"), output("out"), process="strict"), (400, "WrongInputData", "n")),
        (execute(data("m", "1"), OUT), (400, "NoSuchInput", "m")),
        (
            execute(given("text", "<wps:Input id='x'><wps:Data>1</wps:Data></wps:Input>"), OUT),
            (400, "NoSuchInput", "text"),
        ),
        (execute(data("data", "<a/>") * 4, OUT), (400, "TooManyInputs", "data")),
        (execute(data("data", "<a/>", 'mimeType="image/jpeg"'), OUT), (400, "NoSuchFormat", "data")),
        (execute(data("data", LITERAL.format("x")), OUT), (400, "WrongInputData", "data")),
        (execute(data("data", "text <a/>"), OUT), (400, "WrongInputData", "data")),
        (execute(data("data", "A*==", 'encoding="base64"'), OUT), (400, "WrongInputData", "data")),
        (execute(data("text", "é", 'encoding="base64"'), OUT), (400, "WrongInputData", "text")),
        (execute(data("box", "1,2,3,4"), OUT), (400, "WrongInputData", "box")),
        (execute(data("box", "<ows:BoundingBox/>"), OUT), (400, "WrongInputData", "box")),
        (execute(data("choice", "huge"), OUT), (400, "WrongInputData", "choice")),
        (execute(given("data", ""), OUT), (400, "WrongInputData", "data")),
        (execute(given("data", "<wps:Reference/>"), OUT), (400, "WrongInputData", "data")),
        (execute("<wps:Input><wps:Data>1</wps:Data></wps:Input>", OUT), (400, "MissingParameterValue", "id")),
        (execute(output("nothing")), (400, "NoSuchOutput", "nothing")),
        (execute("<wps:Output/>"), (400, "MissingParameterValue", "id")),
        (execute('<wps:Output id="text"><wps:Output id="x"/></wps:Output>'), (400, "NoSuchOutput", "text")),
        (execute(OUT, OUT), (400, "TooManyOutputs", "text")),
        (execute(output("text", 'transmission="pigeon"')), (400, "InvalidParameterValue", "transmission")),
        (execute(output("text", 'mimeType="image/png"')), (400, "NoSuchFormat", "text")),
        (execute(output("data", 'mimeType="image/jpeg"')), (400, "NoSuchFormat", "data")),
        (execute(OUT, output("box"), response="raw"), (400, "InvalidParameterValue", "response")),
        (execute(output("out"), process="sync-only", mode="async"), (400, "NoSuchMode", "mode")),
        (execute(output("out"), process="async-only"), (400, "NoSuchMode", "mode")),
        ("<wps:Execute", (400, "NoApplicableCode", None)),
        (f"<!DOCTYPE a><wps:Execute {DECLARED}/>", (400, "NoApplicableCode", None)),
        ("", (400, "MissingParameterValue", "request")),
    ],
)
def test_requests_that_are_refused(house, standards, body, expected):
    answer = house.post(body)
    assert refusal(answer) == expected
    assert_valid(standards, answer.content)
    assert house.jobs == []
    assert not list((house.root / "intake").iterdir())


def test_a_value_that_is_too_large(tmp_path, standards):
    house = House2(tmp_path, max_input_bytes=100)
    answer = house.post(execute(data("data", "x" * 101, 'mimeType="text/plain"'), OUT))
    assert refusal(answer) == (413, "SizeExceeded", "data")
    small = House2(tmp_path / "body", body=BodyLimits(max_bytes=500))
    answer = small.post(execute(data("text", "x" * 500), OUT))
    assert refusal(answer) == (413, "SizeExceeded", None)
    assert_valid(standards, answer.content)


def test_the_queue_is_full(house, standards):
    house.store.full = True
    answer = house.post(execute(OUT))
    assert refusal(answer) == (503, "ServerBusy", None)
    assert answer.headers["retry-after"] == "7"
    assert_valid(standards, answer.content)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FailureKind.PROCESS, (500, "InternalServerError", None)),
        (FailureKind.CRASH, (500, "InternalServerError", None)),
        (FailureKind.LIMIT, (500, "InternalServerError", None)),
        (FailureKind.INPUT, (400, "WrongInputData", "text")),
        (FailureKind.REFERENCE, (400, "DataNotAccessible", "text")),
    ],
)
@pytest.mark.parametrize("response", ["raw", "document"])
def test_executions_that_fail(house, standards, kind, expected, response):
    house.play = fails(kind, "it <broke>", "text")
    answer = house.post(execute(OUT, response=response))
    assert refusal(answer) == expected
    assert_valid(standards, answer.content)
    assert "it &lt;broke&gt;" in answer.text


# envelopes, keys, other encodings


@pytest.mark.parametrize(
    "namespace", ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"]
)
def test_envelopes(house, standards, namespace):
    def wrapped(content):
        return f'<s:Envelope xmlns:s="{namespace}"><s:Header><x/></s:Header><s:Body>{content}</s:Body></s:Envelope>'

    answer = house.post(wrapped(execute(data("text", "t"), OUT)))
    assert answer.status_code == 200, answer.text
    root = etree.fromstring(answer.content)
    assert etree.QName(root).namespace == namespace
    assert root.findtext(".//wps:LiteralValue", namespaces=NS) == "t"
    assert_valid(standards, etree.tostring(root.find(".//wps:Result", NS)))
    answer = house.post(wrapped(execute(OUT, response="raw")))
    assert refusal(answer)[1:] == ("InvalidParameterValue", "response")
    assert answer.status_code == (500 if "xmlsoap" in namespace else 400)


def test_a_key_stands_for_one_job(house):
    key = {"idempotency-key": "abc"}
    body = execute(data("data", "<a>1</a>"), OUT, mode="async")
    first = tree(house.post(body, **key)).findtext("wps:JobID", namespaces=NS)
    assert tree(house.post(body, **key)).findtext("wps:JobID", namespaces=NS) == first
    assert len(house.jobs) == 1
    other = body.replace("<a>1</a>", "<a>2</a>")
    assert refusal(house.post(other, **key)) == (422, "InvalidParameterValue", "Idempotency-Key")
    assert refusal(house.post(body, **{"idempotency-key": "k" * 300}))[1:] == (
        "InvalidParameterValue",
        "Idempotency-Key",
    )
    assert house.post(other, **{"idempotency-key": "def"}).status_code == 200


def test_other_encodings(house):
    body = '<?xml version="1.0" encoding="ISO-8859-1"?>' + execute(data("text", "ü"), OUT)
    assert outputs(tree(house.post(body.encode("latin-1"))))["text"][0].text == "ü"
    body = execute(data("text", "ü"), OUT)
    assert outputs(tree(house.post(body.encode("utf-16"))))["text"][0].text == "ü"


def test_outputs_of_a_process_that_was_withdrawn(house):
    house.post(execute(data("text", "t"), OUT, mode="async"))
    house.service.wait(house.jobs[0].id, timeout=5)
    house.catalog.descriptions = [replace(ECHO, id="other")]
    assert outputs(tree(house.ask("GetResult", house.jobs[0].id)))["text"][0].text == "t"
