"""OGC API: execute requests in every form of input, and results in every form of output."""

import base64
import email
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest

from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, Output, ReferenceData
from cloche.model.execute import Mode, Subscriber
from cloche.model.formats import Format
from cloche.model.job import FailureKind
from cloche.model.state import State
from cloche.ports.store import Query
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols.ogcapi import OgcApiConfig
from ogcapi_house import ALL, ASYNC, ONE, SYNC, URL, House, assert_valid, echo, fails, hold, problem, shipped

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
POINT = {"type": "Point", "coordinates": [1, 2]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.close()


@pytest.fixture
def house(shared):
    shared.play = echo
    return shared


def document(house, standards, inputs, **body):
    """The results document of a run that succeeds."""
    return assert_valid(standards, house.run("all", inputs, response="document", **body), "results")


def last(house):
    return house.service.jobs(Query(limit=1))[0]


def given(house, name):
    return [item.data for item in last(house).request.inputs if item.id == name]


def parts(answer):
    kind = answer.headers["content-type"]
    message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + answer.content)
    assert message.get_content_type() == "multipart/related"
    assert not message.defects
    return {part["content-id"]: part for part in message.get_payload()}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("text", "words \U0001f600 \n", "words \U0001f600 \n"),
        ("count", 5, "5"),
        ("count", 10.0, "10"),
        ("count", {"value": 100}, "100"),
        ("length", 2.5, "2.5"),
        ("length", 10, "10.0"),
        ("flag", True, "true"),
        ("flag", {"value": False}, "false"),
        ("choice", "small", "small"),
        ("when", "2024-05-31T12:00:00Z", "2024-05-31T12:00:00Z"),
        ("when", "2024-05-31T12:00:00", "2024-05-31T12:00:00"),
        ("day", "2024-05-31", "2024-05-31"),
        ("where", "http://example.org/?a=1", "http://example.org/?a=1"),
    ],
)
def test_literal_inputs(house, standards, name, value, text):
    found = document(house, standards, {name: value}, outputs={name: {}})
    assert [data.value for data in given(house, name)] == [text]
    plain = value["value"] if isinstance(value, dict) else value
    shown = found[name]["value"]["measurement"] if name == "length" else found[name]
    assert shown == plain


def test_units(house, standards):
    found = document(house, standards, {"length": {"measurement": 2.5, "uom": "feet"}}, outputs={"length": {}})
    assert given(house, "length") == [LiteralData(value="2.5", datatype="double", uom="feet")]
    assert found == {"length": {"value": {"measurement": 2.5, "uom": "feet"}}}
    document(house, standards, {"length": {"value": {"measurement": 1, "uom": "metre"}}})
    assert given(house, "length")[0].uom == "metre"


def test_defaults_are_filled_in(house):
    house.run("all", {})
    assert given(house, "length") == [LiteralData(value="1.0", datatype="double", uom="metre")]


@pytest.mark.parametrize(
    ("value", "values"),
    [(["a", "b"], ["a", "b"]), (["a"], ["a"]), ("a", ["a"]), ([{"value": "a"}, "b"], ["a", "b"]), ([], [])],
)
def test_inputs_that_may_be_many(house, value, values):
    assert house.run("all", {"text": value}).status_code == 200
    assert [data.value for data in given(house, "text")] == values


@pytest.mark.parametrize("value", [{"bbox": [1, 2, 3, 4]}, {"value": {"bbox": [1, 2, 3, 4], "crs": CRS84}}])
def test_bounding_boxes(house, standards, value):
    found = document(house, standards, {"box": value}, outputs={"box": {}})
    assert given(house, "box") == [BoundingBoxData(lower=(1.0, 2.0), upper=(3.0, 4.0), crs=CRS84)]
    assert found == {"box": {"bbox": [1, 2, 3, 4], "crs": CRS84}}


def test_bounding_boxes_of_other_systems(house, standards):
    uri = "http://www.opengis.net/def/crs/EPSG/0/4326"
    for spelling in (uri, "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"):
        box = {"bbox": [51.5, 7, 52, 7.25], "crs": spelling}
        found = document(house, standards, {"box": box}, outputs={"box": {}})
        assert found == {"box": {"value": {"bbox": [51.5, 7, 52, 7.25], "crs": uri}}}
    cube = {"cube": {"bbox": [1, 2, 3, 4, 5, 6]}}
    document(house, standards, cube)
    assert given(house, "cube")[0].upper == (4.0, 5.0, 6.0)


@pytest.mark.parametrize(
    ("name", "value", "kind", "content"),
    [
        ("document", {"a": [1, {"b": None}]}, "application/json", b'{"a":[1,{"b":null}]}'),
        ("document", [1, 2], "application/json", b"[1,2]"),
        ("document", {"value": {"value": 1}}, "application/json", b'{"value":1}'),
        ("document", {"value": "text", "mediaType": "application/json"}, "application/json", b'"text"'),
        ("document", '{"a": 1}', "application/json", b'{"a": 1}'),
        ("document", 5, "application/json", b"5"),
        ("features", POINT, "application/geo+json", b'{"type":"Point","coordinates":[1,2]}'),
        ("features", "<a>\u00e9</a>", "text/xml", "<a>\u00e9</a>".encode()),
        ("features", {"value": "<a/>", "mediaType": "text/xml"}, "text/xml", b"<a/>"),
        ("features", {"value": "<a/>", "format": {"mediaType": "text/xml"}}, "text/xml", b"<a/>"),
        ("features", {"value": "PGEvPg==", "mediaType": "text/xml", "encoding": "base64"}, "text/xml", b"<a/>"),
        ("features", {"value": json.dumps(POINT), "mediaType": "application/geo+json"}, "application/geo+json",
         json.dumps(POINT).encode()),
        ("picture", "SUkqAA==", "image/tiff", b"II*\0"),
        ("picture", {"value": "SUkqAA==", "mediaType": "image/tiff", "encoding": "base64"}, "image/tiff", b"II*\0"),
        ("picture", {"value": "SUkqAA==", "format": {"mediaType": "image/tiff", "encoding": "base64"}}, "image/tiff",
         b"II*\0"),
        ("words", "plain", "text/plain", b"plain"),
        ("words", {"a": 1}, "application/json", b'{"a":1}'),
        ("words", {"value": "<a/>", "format": {"mediaType": "text/xml", "schema": {}}}, "text/xml", b"<a/>"),
    ],
)  # fmt: skip
def test_complex_inputs(house, name, value, kind, content):
    body = json.dumps({"inputs": {name: value}}, separators=(",", ":"))
    if isinstance(value, str) and value.startswith("{"):
        body = json.dumps({"inputs": {name: value}})
    answer = house.client.post(
        "/processes/all/execution", content=body, headers={"content-type": "application/json", "prefer": "wait=20"}
    )
    assert answer.status_code == 200, answer.text
    (data,) = given(house, name)
    assert isinstance(data, ComplexData)
    assert data.format.media_type == kind
    assert (house.dirs.jobdir(last(house).id) / "in" / data.file).read_bytes() == content
    assert data.size == len(content)


@pytest.mark.parametrize(
    ("value", "format"),
    [
        ({"href": "http://x.test/a", "type": "text/xml"}, Format(media_type="text/xml")),
        ({"href": "http://x.test/a"}, Format(media_type="application/geo+json")),
        ({"href": "http://x.test/a", "format": {"mediaType": "text/xml"}}, Format(media_type="text/xml")),
        ({"href": "http://x.test/a", "type": None, "rel": "x"}, Format(media_type="application/geo+json")),
    ],
)
def test_links(house, value, format):
    job = house.start("all", {"features": [value, value]})
    found = [item.data for item in house.service.job(job).request.inputs if item.id == "features"]
    assert found == [ReferenceData(href="http://x.test/a", format=format)] * 2


def test_a_literal_may_be_a_link(house):
    job = house.start("all", {"count": {"href": "http://x.test/a"}})
    assert house.service.job(job).request.inputs[0].data.href == "http://x.test/a"


def test_members_that_the_schema_has_mean_what_it_says(tmp_path):
    own = json.dumps({"type": "object", "properties": {"href": {"type": "string"}, "value": {"type": "number"}}})
    domain = replace(next(p for p in ALL.inputs if p.id == "document").domain, json_schema=own)
    inputs = tuple(replace(p, domain=domain) if p.id == "document" else p for p in ALL.inputs)
    house = House(tmp_path, descriptions=(replace(ALL, inputs=inputs),))
    house.run("all", {"document": {"href": "x", "value": 1}}, response="document")
    (data,) = given(house, "document")
    assert json.loads((house.dirs.jobdir(last(house).id) / "in" / data.file).read_bytes()) == {"href": "x", "value": 1}
    house.close()


@pytest.mark.parametrize(
    ("inputs", "type", "pointer"),
    [
        ({"count": "5"}, "InvalidParameterValue", "#/inputs/count"),
        ({"count": 7}, "InvalidParameterValue", "#/inputs/count"),
        ({"count": {"value": 101}}, "InvalidParameterValue", "#/inputs/count/value"),
        ({"count": None}, "InvalidParameterValue", "#/inputs/count"),
        ({"length": 0}, "InvalidParameterValue", "#/inputs/length"),
        ({"length": {"measurement": 1, "uom": "mile"}}, "InvalidParameterValue", "#/inputs/length"),
        ({"choice": "Small"}, "InvalidParameterValue", "#/inputs/choice"),
        ({"flag": "true"}, "InvalidParameterValue", "#/inputs/flag"),
        ({"flag": [True]}, "InvalidParameterValue", "#/inputs/flag"),
        ({"when": "yesterday"}, "InvalidParameterValue", "#/inputs/when"),
        ({"text": "\x00"}, "InvalidParameterValue", "#/inputs/text"),
        ({"text": ["a", 1]}, "InvalidParameterValue", "#/inputs/text/1"),
        ({"box": {"bbox": [1, 2, 3]}}, "InvalidParameterValue", "#/inputs/box/bbox"),
        ({"box": {"bbox": [1, 2, 3, "4"]}}, "InvalidParameterValue", "#/inputs/box/bbox/3"),
        ({"box": {"bbox": [1, 5, 3, 4]}}, "InvalidParameterValue", "#/inputs/box"),
        ({"box": {"bbox": [1, 2, 3, 4], "crs": "EPSG:1"}}, "InvalidParameterValue", "#/inputs/box"),
        ({"box": [1, 2, 3, 4]}, "InvalidParameterValue", "#/inputs/box"),
        ({"box": {"href": "http://x.test/"}}, "InvalidParameterValue", "#/inputs/box"),
        ({"features": [POINT] * 4}, "InvalidParameterValue", "#/inputs/features"),
        ({"features": {"value": "x", "mediaType": "image/png"}}, "InvalidParameterValue", "#/inputs/features"),
        ({"features": {"value": {}, "mediaType": "text/xml"}}, "InvalidParameterValue", "#/inputs/features"),
        ({"features": {"value": "x", "mediaType": 1}}, "InvalidParameterValue", "#/inputs/features/mediaType"),
        ({"picture": "not base64"}, "InvalidParameterValue", "#/inputs/picture"),
        ({"picture": {"type": "wrong"}}, "InvalidParameterValue", "#/inputs/picture"),
        ({"nothing": 1}, "InvalidParameterValue", "#/inputs/nothing"),
        ({"~/": 1}, "InvalidParameterValue", "#/inputs/~0~1"),
    ],
)
def test_wrong_inputs_are_pointed_at_and_nothing_starts(house, standards, inputs, type, pointer):
    before = last(house).id if house.service.jobs(Query()) else None
    problem(standards, house.run("all", inputs), 400, type, pointer)
    assert (last(house).id if house.service.jobs(Query()) else None) == before
    assert list((house.root / "intake").iterdir()) == []


def test_what_is_missing_is_pointed_at(house, standards):
    problem(standards, house.run("one", {}), 400, "MissingParameterValue", "#/inputs/n")
    problem(standards, house.run("one"), 400, "MissingParameterValue", "#/inputs/n")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"null", b'"x"', b"\xff", b"{}x", b'{"inputs": []}', b'{"inputs": 5}', b'{"response": "xml"}',
        b'{"outputs": {"n": {"transmissionMode": "ref"}}}', b'{"outputs": {"n": 5}}', b'{"outputs": ["n"]}',
        b'{"inputs": {"n": \xff}}', b'{"inputs": {"n": "\xff"}}', b'{"inputs":{"n":' + b"[" * 100_000,
        b'{"inputs":{"n":' + b"[" * 50_000 + b"]" * 50_000 + b"}}", b'{"subscriber": {"successUri": "ftp://x"}}',
        b'{"inputs": {"n": 1e400}}', b'{"inputs": {"n": 1}, "subscriber": 4}', b'{"inputs": {"n": "\\ud800"}}',
    ],
)  # fmt: skip
def test_bodies_that_are_no_execute_request(house, standards, body):
    answer = house.client.post("/processes/one/execution", content=body, headers={"content-type": "application/json"})
    problem(standards, answer, 400)


def test_errors_come_as_plain_json_where_the_suite_wants_it(house):
    answer = house.run("one", {}, headers={"accept": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")


def test_media_types_of_bodies(house, standards):
    for kind, status in (("application/json; charset=utf-8", 200), ("application/xml", 415), ("text/plain", 415)):
        answer = house.client.post(
            "/processes/one/execution", content=b'{"inputs":{"n":1}}', headers={"content-type": kind}
        )
        assert answer.status_code == status, kind


def test_outputs_are_checked(house, standards):
    problem(standards, house.run("one", {"n": 1}, outputs={"m": {}}), 400, None, "#/outputs/m")
    answer = house.run("all", {}, outputs={"features": {"format": {"mediaType": "image/png"}}})
    problem(standards, answer, 400)


def test_sizes_are_limited(tmp_path, standards):
    house = House(tmp_path, max_input_bytes=1000, config=OgcApiConfig(url=URL, body=BodyLimits(max_bytes=5000)))
    problem(standards, house.run("all", {"words": "x" * 1001}), 413)
    problem(standards, house.run("all", {"document": ["x" * 1001]}), 413)
    problem(standards, house.run("all", {"picture": base64.b64encode(b"x" * 1001).decode()}), 413)
    problem(standards, house.run("all", {"text": "x" * 6000}), 413)
    assert house.run("all", {"words": "x" * 1000}).status_code == 200
    house.close()


def test_large_bodies_lie_in_files(tmp_path):
    house = House(tmp_path, config=OgcApiConfig(url=URL, body=BodyLimits(memory_bytes=1000)))
    text = 'é\n\U0001f600\\"' * 300_000
    picture = bytes(range(256)) * 8192
    inputs = {"words": text, "picture": base64.b64encode(picture).decode(), "document": ["x" * 3_000_000]}
    answer = house.run("all", inputs, response="document", outputs={"words": {}, "picture": {}, "document": {}})
    found = answer.json()
    assert found["words"]["value"] == text
    assert base64.b64decode(found["picture"]["value"]) == picture
    assert found["document"] == inputs["document"]
    house.close()


# --- results ---


@pytest.mark.parametrize(
    ("name", "value", "kind", "content"),
    [
        ("count", 5, "text/plain; charset=utf-8", b"5"),
        ("text", "h\u00e9", "text/plain; charset=utf-8", "h\u00e9".encode()),
        ("box", {"bbox": [1, 2, 3, 4]}, "application/json", b'{"bbox":[1,2,3,4],"crs":"%b"}' % CRS84.encode()),
        ("picture", "SUkqAA==", "image/tiff", b"II*\0"),
        ("document", [1, 2], "application/json", b"[1, 2]"),
    ],
)
def test_one_raw_output_is_bare(house, name, value, kind, content):
    body = json.dumps({"inputs": {name: value}, "outputs": {name: {}}})
    answer = house.client.post("/processes/all/execution", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == kind
    assert answer.content in (content, content.replace(b", ", b","))
    assert "link" not in answer.headers


def test_a_bare_scalar_comes_as_json_where_it_is_wanted(house):
    answer = house.run("one", {"n": 5}, headers={"accept": "application/json"})
    assert (answer.headers["content-type"], answer.content) == ("application/json", b"5")


def test_several_raw_outputs_are_parts(house):
    inputs = {"text": "words", "picture": "SUkqAA==", "box": {"bbox": [1, 2, 3, 4]}}
    found = parts(house.run("all", inputs, outputs={"text": {}, "picture": {}, "box": {}}))
    assert list(found) == ["text", "picture", "box"]
    assert found["text"].get_payload() == "words"
    assert found["picture"].get_content_type() == "image/tiff"
    assert found["picture"].get_payload(decode=True) == b"II*\0"
    assert json.loads(found["box"].get_payload())["bbox"] == [1, 2, 3, 4]


def test_parts_by_reference_are_empty(house):
    outputs = {"text": {}, "picture": {"transmissionMode": "reference"}}
    found = parts(house.run("all", {"text": "words", "picture": "SUkqAA=="}, outputs=outputs))
    assert found["picture"].get_payload() == ""
    href = found["picture"]["content-location"]
    assert house.get(href.removeprefix(URL)).content == b"II*\0"


def test_raw_outputs_all_by_reference(house):
    outputs = {name: {"transmissionMode": "reference"} for name in ("text", "picture")}
    answer = house.run("all", {"text": "words", "picture": "SUkqAA=="}, outputs=outputs)
    assert (answer.status_code, answer.content) == (204, b"")
    links = answer.headers.get_list("link")
    assert len(links) == 2
    hrefs = [link[1 : link.index(">")].removeprefix(URL) for link in links]
    assert [house.get(href).content for href in hrefs] == [b"words", b"II*\0"]


def test_document_by_reference(house, standards):
    outputs = {"text": {"transmissionMode": "reference"}, "picture": {"transmissionMode": "reference"}, "count": {}}
    found = document(house, standards, {"text": "words", "picture": "SUkqAA==", "count": 5}, outputs=outputs)
    assert found["count"] == 5
    assert found["picture"]["type"] == "image/tiff"
    assert house.get(found["picture"]["href"].removeprefix(URL)).content == b"II*\0"
    assert house.get(found["text"]["href"].removeprefix(URL)).text == "words"


def test_all_outputs_where_none_are_named(house, standards):
    found = document(house, standards, {"text": "a", "count": 5})
    assert set(found) == {"text", "count", "length"}
    assert set(document(house, standards, {"text": "a"}, outputs={})) == {"text", "length"}


def test_optional_outputs_may_be_missing(house, standards):
    assert document(house, standards, {}, outputs={"text": {}}) == {}
    assert house.run("all", {}, outputs={"text": {}}).status_code == 204


@pytest.mark.parametrize(
    ("name", "content", "kind", "value"),
    [
        ("document", b'{"a":1}', "application/json", {"mediaType": "application/json", "value": {"a": 1}}),
        ("document", b"\xef\xbb\xbf[1]", "application/json", [1]),
        ("document", b'{"a":', "application/json", {"mediaType": "application/json", "value": '{"a":'}),
        ("document", b'["\xff"]', "application/json",
         {"mediaType": "application/json", "encoding": "base64", "value": "WyL/Il0="}),
        ("features", b'{"type":"x"}', "application/geo+json",
         {"mediaType": "application/geo+json", "value": {"type": "x"}}),
        ("features", b"<a/>", "text/xml", {"mediaType": "text/xml", "value": "<a/>"}),
        ("picture", b"II*\0", "image/tiff", {"mediaType": "image/tiff", "encoding": "base64", "value": "SUkqAA=="}),
        ("words", b"\xff", "text/plain", {"mediaType": "text/plain", "encoding": "base64", "value": "/w=="}),
        ("words", 'a"\\\n\u00e9'.encode(), "text/plain", {"mediaType": "text/plain", "value": 'a"\\\n\u00e9'}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("small", [True, False])
def test_files_in_documents(tmp_path, standards, name, content, kind, value, small):
    house = House(tmp_path, config=OgcApiConfig(url=URL, small_bytes=1 << 18 if small else 0))
    house.play = lambda house, job: house.end(
        job, State.SUCCEEDED, outputs=(house.put(job, name, content, Format(media_type=kind)),)
    )
    assert document(house, standards, {}, outputs={name: {}}) == {name: value}
    house.close()


def test_files_in_gzip_and_base64_as_asked(house, standards):
    answer = house.run("all", {"features": POINT}, outputs={"features": {"format": {"encoding": "base64"}}})
    assert answer.headers["content-transfer-encoding"] == "base64"
    assert json.loads(base64.b64decode(answer.content)) == POINT


def test_numbers_that_json_cannot_say(house, standards):
    def play(house, job):
        data = LiteralData(value="INF", datatype="double", uom="metre")
        house.end(job, State.SUCCEEDED, outputs=(Output(id="length", data=data),))

    house.play = play
    assert document(house, standards, {}, outputs={"length": {}})["length"]["value"]["measurement"] == "INF"


def test_results_are_a_page_for_people(house):
    answer = house.run("all", {"text": "<b>", "picture": "SUkqAA=="}, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "&lt;b&gt;" in answer.text
    assert "4 Bytes" in answer.text


# --- how to execute ---


@pytest.mark.parametrize(
    ("process", "prefer", "status", "applied"),
    [
        ("one", None, 200, None),
        ("one", "respond-async", 201, "respond-async"),
        ("one", "respond-async;q=1, unknown=x", 201, "respond-async"),
        ("one", "return=minimal", 200, None),
        ("one", "wait=20", 200, "wait=20"),
        ("one", 'respond-async, wait="20"', 200, "wait=20"),
        ("one", "wait=x", 200, None),
        ("sync", "respond-async", 200, None),
        ("async", None, 201, None),
        ("async", "wait=10", 201, None),
    ],
)
def test_preferences(house, standards, process, prefer, status, applied):
    inputs = {"n": 1} if process == "one" else {}
    answer = house.run(process, inputs, headers={"prefer": prefer} if prefer else {})
    assert answer.status_code == status
    assert answer.headers.get("preference-applied") == applied
    if status == 201:
        found = assert_valid(standards, answer, "statusInfo", 201)
        assert answer.headers["location"] == f"{URL}/jobs/{found['jobID']}"
        assert found["processID"] == process


def test_waiting_ends_in_a_job(house, standards):
    house.play = hold
    answer = house.run("one", {"n": 1}, headers={"prefer": "wait=1"})
    found = assert_valid(standards, answer, "statusInfo", 201)
    assert found["status"] in ("accepted", "running")
    assert "preference-applied" not in answer.headers
    house.end(house.service.job(found["jobID"]), State.SUCCEEDED)


@pytest.mark.parametrize(
    ("kind", "status", "type"),
    [
        (FailureKind.PROCESS, 500, "about:blank"),
        (FailureKind.INPUT, 400, "InvalidParameterValue"),
        (FailureKind.REFERENCE, 400, "InvalidParameterValue"),
        (FailureKind.LIMIT, 500, "about:blank"),
        (FailureKind.CRASH, 500, "about:blank"),
    ],
)
def test_failures(house, standards, kind, status, type):
    house.play = fails(kind, "too wide", locator="n" if kind is FailureKind.INPUT else "")
    found = problem(standards, house.run("one", {"n": 1}), status, type)
    assert found["detail"] == "too wide"
    assert [e["pointer"] for e in found.get("errors", ())] == (["#/inputs/n"] if kind is FailureKind.INPUT else [])


def test_a_busy_server_says_when_to_come_back(tmp_path, standards):
    house = House(tmp_path, parallel=1, waiting=0)
    house.play = hold
    house.start()
    answer = house.run("one", {"n": 1})
    problem(standards, answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    house.close()


def test_a_key_never_starts_two_jobs(house, standards):
    headers = {"prefer": "respond-async", "idempotency-key": "k-1"}

    def send(_):
        return house.run("one", {"n": 1}, headers=headers).json()["jobID"]

    with ThreadPoolExecutor(6) as pool:
        (job,) = set(pool.map(send, range(12)))
    problem(standards, house.run("one", {"n": 2}, headers=headers), 422)
    other = house.run("async", {}, headers=headers)
    assert (other.status_code, other.json()["jobID"] != job) == (201, True)
    problem(standards, house.run("one", {"n": 1}, headers={"idempotency-key": "x" * 256}), 400)
    assert list((house.root / "intake").iterdir()) == []


def test_a_key_answers_a_repeated_synchronous_request_with_the_same_results(house):
    headers = {"idempotency-key": "sync-1"}
    first = house.run("one", {"n": 7}, headers=headers)
    job = last(house).id
    again = house.run("one", {"n": 7}, headers=headers)
    assert (again.status_code, again.content, last(house).id) == (200, first.content, job)


def test_the_job_says_where_it_came_from(house):
    job = house.service.job(house.start("one", {"n": 1}))
    assert (job.request.protocol, job.request.mode) == ("ogcapi", Mode.ASYNC)
    addresses = {"successUri": "http://x.test/s", "inProgressUri": "https://x.test/p", "failedUri": "http://x.test/f"}
    job = house.service.job(house.start("one", {"n": 1}, subscriber=addresses))
    wanted = Subscriber(success="http://x.test/s", in_progress="https://x.test/p", failed="http://x.test/f")
    assert job.request.subscriber == wanted
    job = house.service.job(house.start("one", {"n": 1}, subscriber={"successUrl": "http://x.test/s"}))
    assert job.request.subscriber == Subscriber(success="http://x.test/s")


# --- other people's requests ---


def test_payloads_of_the_conformance_suite(tmp_path, standards):
    house = House(tmp_path, descriptions=shipped())
    seen = {}
    for path in sorted((standards / "echo" / "ets-p1-payloads").glob("*.json")):
        body = json.loads(path.read_text())
        image = body.get("inputs", {}).get("image", {})
        if "value" in image:
            image["value"] = base64.b64encode(
                (standards / "cite/files/ets-ogcapi-processes10/testgeotiff.tiff").read_bytes()
            ).decode()
        answer = house.run("EchoProcess", **body, headers={"accept": "application/json"})
        seen[path.stem] = answer.status_code
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/json"
            assert_valid(standards, answer, "exception", answer.status_code)
        elif "inputs" in body and "echo" in (body.get("outputs") or {"echo": 1}):
            assert "teststring" in answer.text
    refused = {"testJobCreationInputValidation": 400, "testJobResultsFailed": 400}
    assert seen == {name: refused.get(name, 200) for name in seen}
    assert len(seen) == 13
    house.close()


def test_requests_of_others_are_parsed_or_refused_in_form(tmp_path, standards):
    """Every execute request of the corpus, sent to every process: never a 500, never anything but a fit answer."""
    import yaml

    from cloche.protocols.ogcapi import requests
    from cloche.protocols.ogcapi.problems import Refused

    house = House(tmp_path, descriptions=(ALL, ONE, SYNC, ASYNC, *shipped()))
    rows = [line.split("\t") for line in (standards / "corpus" / "MANIFEST.tsv").read_text().splitlines()[1:]]
    files = [standards / "corpus" / row[0] for row in rows if row[1] == "ogcapi" and row[3] == "request"]
    assert len(files) > 50
    parsed = refused = 0
    for path in files:
        text = path.read_text()
        body = json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.BaseLoader)
        sent = json.dumps(body, default=str).encode()
        try:
            decoded = requests.decode(sent)
        except Refused:
            refused += 1
        else:
            assert set(decoded.inputs or {}) == set(body.get("inputs") or {})
            assert decoded.response == body.get("response", msgspec.UNSET)
            parsed += 1
        for process in ("all", "one", "EchoProcess"):
            answer = house.client.post(
                f"/processes/{process}/execution", content=sent, headers={"content-type": "application/json"}
            )
            assert answer.status_code in (200, 204, 400), (path, answer.text)
    assert parsed > refused
    assert parsed + refused == len(files)
    house.close()
