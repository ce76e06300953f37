"""Inputs made of inputs and outputs made of outputs: one process, the same values over each protocol."""

import email
import json
import logging
import urllib.parse
import warnings

import birdy
import pytest
from lxml import etree
from owslib.wps import SYNC, WebProcessingService

import live
from ogcapi_house import _validator
from tongues import WPS1, WPS2, Refused, declared, fetch
from wps_house import assert_valid

PACKAGE = '''
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict

from cloche.process import File, Format, Input, Output, ProcessError, process


@dataclass(frozen=True)
class Point:
    """A place.

    Args:
        x: Easting. How far east
    """

    x: float
    y: Annotated[float, Input("Northing", minimum=-90, maximum=90)] = 0.0


class Station(TypedDict):
    name: str
    at: Point
    tags: NotRequired[list[str]]


@dataclass(frozen=True)
class Options:
    scale: Annotated[int, Input(minimum=1)] = 1
    names: list[str] = field(default_factory=lambda: ["none"])


@dataclass(frozen=True)
class Corner:
    x: float
    y: float


@dataclass(frozen=True)
class Extent:
    low: Corner
    high: Corner | None
    drawing: Annotated[File, Output(formats=["image/svg+xml"])]


@dataclass(frozen=True)
class Report:
    text: str
    extent: Annotated[Extent, Output("Extent", abstract="Around all stations")]


@process(version="1.0.0")
def survey(
    stations: Annotated[list[Station], Input("Stations", max_occurs=4)], origin: Point, options: Options
) -> Report:
    """Survey."""
    if any(station["name"] == "bad" for station in stations):
        raise ProcessError("no such station", input="stations/0/name")
    xs = [origin.x, *(station["at"].x * options.scale for station in stations)]
    ys = [origin.y, *(station["at"].y * options.scale for station in stations)]
    words = [f"{s['name']}({','.join(s.get('tags', ['-']))})" for s in stations]
    high = Corner(max(xs), max(ys)) if len(stations) > 1 else None
    drawing = Path("d.svg")
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return Report(
        f"{' '.join(words)} {','.join(options.names)}", Extent(Corner(min(xs), min(ys)), high, drawing)
    )


@dataclass(frozen=True)
class Only:
    extent: Corner


@process(version="1.0.0")
def middle(origin: Point | None = None) -> Only:
    """Middle."""
    origin = origin or Point(7.0, 8.0)
    return Only(Corner(origin.x, origin.y))
'''
INPUTS = {
    "stations": [
        {"name": "a", "at": {"x": 1, "y": 2}, "tags": ["new", "low"]},
        {"name": "b", "at": {"value": {"x": 3.5}}},
    ],
    "origin": {"x": -1},
    "options": {"scale": 2},
}
TEXT = "a(new,low) b(-) none"
EXTENT = {"low": {"x": -1, "y": 0}, "high": {"x": 7, "y": 4}}
FLAT = {
    "text": TEXT,
    "extent/low/x": "-1.0",
    "extent/low/y": "0.0",
    "extent/high/x": "7.0",
    "extent/high/y": "4.0",
}


@pytest.fixture(scope="module")
def server():
    with live.home() as folder:
        (folder / "survey.py").write_text(PACKAGE)
        running = live.start(folder, '[processing]\npackages = ["./survey.py"]\n')
        yield running
        running.end()


# --- OGC API - Processes ---


def execute(server, inputs, process="survey", accept="application/json", **more):
    body = json.dumps({"inputs": inputs, **more})
    headers = {"Content-Type": "application/json", "Accept": accept}
    return fetch(f"{server.url}/processes/{process}/execution", body, **headers)


def refused(server, inputs):
    with pytest.raises(Refused) as refusal:
        execute(server, inputs)
    assert refusal.value.status == 400
    found = json.loads(refusal.value.text)
    return found["errors"][0]["pointer"], found["detail"]


def test_json_describes_objects(server, standards):
    found = json.loads(fetch(f"{server.url}/processes/survey")[0])
    assert _validator(standards / "validate.py").check_json(found, "process") == []
    stations, origin = found["inputs"]["stations"], found["inputs"]["origin"]
    assert (stations["title"], stations["minOccurs"], stations["maxOccurs"]) == ("Stations", 1, 4)
    assert stations["schema"]["required"] == ["name", "at"]
    assert stations["schema"]["properties"]["tags"]["items"] == {"type": "string"}
    assert stations["schema"]["properties"]["at"]["properties"]["y"]["title"] == "Northing"
    x = origin["schema"]["properties"]["x"]
    assert (x["type"], x["title"], x["description"]) == ("number", "Easting", "How far east")
    assert (found["inputs"]["options"]["minOccurs"], origin["minOccurs"]) == (0, 1)
    assert found["outputs"]["extent"]["description"] == "Around all stations"
    assert found["outputs"]["extent"]["schema"]["properties"]["low"]["required"] == ["x", "y"]


def test_a_page_names_the_members(server):
    page = fetch(f"{server.url}/processes/survey?f=html")[0].decode()
    assert "object of name, at, tags" in page
    assert "object of low, high, drawing" in page


def test_json_documents(server, standards):
    found = json.loads(execute(server, INPUTS, response="document")[0])
    assert _validator(standards / "validate.py").check_json(found, "results") == []
    drawing = found["extent"]["value"].pop("drawing")
    assert drawing["mediaType"] == "image/svg+xml"
    assert found == {"text": TEXT, "extent": {"value": EXTENT}}


def test_json_raw(server):
    content, headers = execute(server, INPUTS)
    message = email.message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + content)
    text, extent = message.get_payload()
    assert (text["content-id"], extent["content-id"]) == ("text", "extent")
    assert json.loads(extent.get_payload())["low"] == EXTENT["low"]
    content, headers = execute(server, INPUTS, outputs={"extent": {}})
    assert headers["content-type"] == "application/json"
    assert json.loads(content)["high"] == EXTENT["high"]
    assert json.loads(execute(server, {"origin": {"x": 3}}, process="middle")[0]) == {"x": 3, "y": 0}
    assert json.loads(execute(server, {}, process="middle")[0]) == {"x": 7, "y": 8}


def test_json_references_and_single_results(server):
    wanted = {"extent": {"transmissionMode": "reference"}}
    found = json.loads(execute(server, INPUTS, outputs=wanted, response="document")[0])["extent"]["value"]
    assert json.loads(fetch(found["low"]["x"]["href"], Accept="application/json")[0]) == -1
    assert fetch(found["drawing"]["href"])[0].startswith(b"<svg")
    outer = found["low"]["x"]["href"].removesuffix("/low/x")
    assert json.loads(fetch(outer)[0])["high"] == EXTENT["high"]
    assert json.loads(fetch(f"{outer}/low")[0]) == EXTENT["low"]
    with pytest.raises(Refused, match="404"):
        fetch(f"{outer}/lo")


def test_an_optional_output_is_left_out(server):
    alone = INPUTS | {"stations": INPUTS["stations"][1]}
    found = json.loads(execute(server, alone, response="document")[0])["extent"]["value"]
    assert found.keys() == {"low", "drawing"}


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"origin": {}}, "#/inputs/origin", "missing"),
        ({"origin": 5}, "#/inputs/origin", "object"),
        ({"origin": {"href": "http://x.test/"}}, "#/inputs/origin", "object"),
        ({"origin": {"x": "far"}}, "#/inputs/origin/x", "number"),
        ({"origin": {"y": 1}}, "#/inputs/origin/x", "missing"),
        ({"origin": {"x": 1, "y": 91}}, "#/inputs/origin/y", "91"),
        ({"origin": {"value": {"x": 1, "y": 91}}}, "#/inputs/origin/value/y", "91"),
        ({"origin": {"x": 1, "z/z": 2}}, "#/inputs/origin/z~1z", "no input"),
        ({"origin": [{"x": 1}]}, "#/inputs/origin", "object"),
        ({"stations": []}, "#/inputs/stations", "missing"),
        ({"stations": [INPUTS["stations"][0], {"name": "b"}]}, "#/inputs/stations/1/at", "missing"),
        ({"stations": [{"name": "a", "at": {"x": []}}]}, "#/inputs/stations/0/at/x", "number"),
        ({"stations": [INPUTS["stations"][0]] * 5}, "#/inputs/stations", "at most 4"),
        ({"options": {"scale": 0}}, "#/inputs/options/scale", "minimum"),
    ],
)
def test_json_faults_are_pointed_at(server, change, pointer, words):
    found, detail = refused(server, INPUTS | change)
    assert found == pointer
    assert words in detail


def test_faults_of_the_process_are_pointed_at(server):
    bad = INPUTS | {"stations": [{"name": "bad", "at": {"x": 1}}]}
    assert refused(server, bad)[0] == "#/inputs/stations/0/name"


def test_the_definition_of_the_api_has_it(server):
    found = json.loads(fetch(f"{server.url}/api")[0])["paths"]["/processes/survey/execution"]["post"]
    body = found["requestBody"]["content"]["application/json"]["schema"]["properties"]
    one = body["inputs"]["properties"]["origin"]["anyOf"][0]
    assert one["required"] == ["x"]
    assert body["inputs"]["required"] == ["stations", "origin"]


# --- WPS 2.0 ---

STATIONS = """
<wps:Input id="stations">
  <wps:Input id="name"><wps:Data>a</wps:Data></wps:Input>
  <wps:Input id="at">
    <wps:Input id="x"><wps:Data>1</wps:Data></wps:Input><wps:Input id="y"><wps:Data>2</wps:Data></wps:Input>
  </wps:Input>
  <wps:Input id="tags"><wps:Data>new</wps:Data></wps:Input>
  <wps:Input id="tags"><wps:Data>low</wps:Data></wps:Input>
</wps:Input>
<wps:Input id="stations">
  <wps:Input id="at"><wps:Input id="x"><wps:Data>3.5</wps:Data></wps:Input></wps:Input>
  <wps:Input id="name"><wps:Data>b</wps:Data></wps:Input>
</wps:Input>"""
ORIGIN = '<wps:Input id="origin"><wps:Input id="x"><wps:Data>-1</wps:Data></wps:Input></wps:Input>'
OPTIONS = '<wps:Input id="options"><wps:Input id="scale"><wps:Data>2</wps:Data></wps:Input></wps:Input>'
DATA = '<wps:Input id="{}"><wps:Data>1</wps:Data></wps:Input>'
EVERYTHING = '<wps:Output id="text"/><wps:Output id="extent"/>'


def execute2(server, standards, inputs=STATIONS + ORIGIN + OPTIONS, outputs=EVERYTHING, response="document"):
    body = (
        f'<wps:Execute service="WPS" version="2.0.0" mode="sync" response="{response}" {declared(WPS2)}>'
        f"<ows:Identifier>survey</ows:Identifier>{inputs}{outputs}</wps:Execute>"
    )
    assert_valid(standards, body.encode())
    return fetch(f"{server.url}/wps", body)[0]


def flat2(answer):
    """Values of a result by path; an output has one output inside at most, as the schema demands."""
    found = {}
    for output in etree.fromstring(answer).iterfind("wps:Output", WPS2):
        path, last = [output.get("id")], output
        while (inner := last.find("wps:Output", WPS2)) is not None:
            path.append(inner.get("id"))
            last = inner
        found["/".join(path)] = last
    return found


def fault2(server, standards, **request):
    with pytest.raises(Refused) as refusal:
        execute2(server, standards, **request)
    report = etree.fromstring(refusal.value.text.encode())
    (exception,) = report.iter("{*}Exception")
    return exception.get("exceptionCode"), exception.get("locator")


def test_wps2_describes_inputs_in_inputs(server, standards):
    answer = fetch(f"{server.url}/wps?service=WPS&version=2.0.0&request=DescribeProcess&identifier=survey")[0]
    assert_valid(standards, answer)
    root = etree.fromstring(answer)
    shape = [
        "/".join(e.findtext("ows:Identifier", namespaces=WPS2) for e in [*reversed(list(i.iterancestors(i.tag))), i])
        for i in root.iter("{*}Input", "{*}Output")
        if i.find("wps:LiteralData", WPS2) is not None or i.find("wps:ComplexData", WPS2) is not None
    ]
    assert shape == [
        *("stations/name", "stations/at/x", "stations/at/y", "stations/tags"),
        *("origin/x", "origin/y", "options/scale", "options/names"),
        *("text", "extent/low/x", "extent/low/y", "extent/high/x", "extent/high/y", "extent/drawing"),
    ]
    (stations,) = (i for i in root.iter("{*}Input") if i.findtext("ows:Identifier", namespaces=WPS2) == "stations")
    assert (stations.get("minOccurs"), stations.get("maxOccurs")) == ("1", "4")


def test_wps2_executes(server, standards):
    answer = execute2(server, standards)
    assert_valid(standards, answer)
    found = flat2(answer)
    values = {path: "".join(found[path].itertext()).strip() for path in FLAT}
    assert values == FLAT
    assert found.keys() == FLAT.keys() | {"extent/drawing"}


def test_wps2_gives_one_output_inside(server, standards):
    inner = (
        '<wps:Output id="extent"><wps:Output id="low"><wps:Output id="x" transmission="{0}"/></wps:Output></wps:Output>'
    )
    answer = execute2(server, standards, outputs=inner.format("reference"))
    assert_valid(standards, answer)
    found = flat2(answer)
    href = found["extent/low/x"].find("wps:Reference", WPS2).get("{http://www.w3.org/1999/xlink}href")
    assert b"-1" in fetch(href)[0]
    raw = execute2(server, standards, outputs=inner.format("value"), response="raw")
    assert etree.fromstring(raw).text == "-1.0"


@pytest.mark.parametrize(
    ("request_", "code", "locator"),
    [
        ({"inputs": STATIONS}, "MissingParameterValue", "origin"),
        ({"inputs": STATIONS + ORIGIN.replace('"x"', '"y"')}, "MissingParameterValue", "origin/x"),
        ({"inputs": STATIONS + ORIGIN.replace('"x"', '"z"')}, "NoSuchInput", "origin/z"),
        ({"inputs": STATIONS + ORIGIN.replace("-1", "far")}, "WrongInputData", "origin/x"),
        ({"inputs": STATIONS + ORIGIN + ORIGIN}, "TooManyInputs", "origin"),
        ({"inputs": STATIONS * 3 + ORIGIN}, "TooManyInputs", "stations"),
        ({"inputs": STATIONS.replace("3.5", "far") + ORIGIN}, "WrongInputData", "stations/1/at/x"),
        (
            {"inputs": STATIONS + '<wps:Input id="origin"><wps:Data>1</wps:Data></wps:Input>'},
            "WrongInputData",
            "origin",
        ),
        (
            {"inputs": STATIONS + '<wps:Input id="origin/x"><wps:Data>1</wps:Data></wps:Input>'},
            "NoSuchInput",
            "origin/x",
        ),
        ({"outputs": '<wps:Output id="extent"><wps:Output id="up"/></wps:Output>'}, "NoSuchOutput", "extent/up"),
        ({"outputs": '<wps:Output id="text"><wps:Output id="up"/></wps:Output>'}, "NoSuchOutput", "text"),
        ({"outputs": '<wps:Output id="extent" mimeType="text/xml"/>'}, "NoSuchFormat", "extent"),
        ({"outputs": '<wps:Output id="extent"/>', "response": "raw"}, "InvalidParameterValue", "response"),
    ],
)
def test_wps2_faults_are_located(server, standards, request_, code, locator):
    assert fault2(server, standards, **request_) == (code, locator)


# --- WPS 1.0.0, which has nothing of the kind ---


def execute1(server, pairs, outputs=""):
    inputs = ";".join(f"{name}={value}" for name, value in pairs)
    query = {"service": "WPS", "version": "1.0.0", "request": "Execute", "identifier": "survey", "DataInputs": inputs}
    return fetch(
        f"{server.url}/wps?{urllib.parse.urlencode(query | ({'ResponseDocument': outputs} if outputs else {}))}"
    )[0]


def flat1(answer):
    return {
        output.findtext("ows:Identifier", namespaces=WPS1): "".join(output.find("wps:Data", WPS1).itertext()).strip()
        for output in etree.fromstring(answer).iter("{*}Output")
    }


COMMON = [("origin/x", "-1"), ("options/scale", "2")]
NUMBERED = [
    *(("stations/0/name", "a"), ("stations/0/at/x", "1"), ("stations/0/at/y", "2")),
    *(("stations/0/tags", "new"), ("stations/0/tags", "low"), ("stations/1/name", "b"), ("stations/1/at/x", "3.5")),
]


def test_wps1_describes_paths(server, standards):
    answer = fetch(f"{server.url}/wps?service=WPS&version=1.0.0&request=DescribeProcess&identifier=survey")[0]
    assert_valid(standards, answer)
    root = etree.fromstring(answer)
    found = {
        i.findtext("ows:Identifier", namespaces=WPS1): (i.get("minOccurs"), i.get("maxOccurs"))
        for i in root.iter("Input")
    }
    assert found == {
        "stations/name": ("1", "4"),
        "stations/at/x": ("1", "4"),
        "stations/at/y": ("0", "4"),
        "stations/tags": ("0", str(2**31 - 1)),
        "origin/x": ("1", "1"),
        "origin/y": ("0", "1"),
        "options/scale": ("0", "1"),
        "options/names": ("0", str(2**31 - 1)),
    }
    assert [i.findtext("ows:Identifier", namespaces=WPS1) for i in root.iter("Output")] == [*FLAT, "extent/drawing"]


def test_wps1_executes_by_paths(server, standards):
    answer = execute1(server, COMMON + NUMBERED)
    assert_valid(standards, answer)
    found = flat1(answer)
    assert {name: found[name] for name in FLAT} == FLAT


def test_wps1_counts_what_is_repeated(server):
    pairs = [("stations/name", "a"), ("stations/at/x", "1"), ("stations/name", "b"), ("stations/at/x", "3.5")]
    assert flat1(execute1(server, COMMON + pairs, "text;extent/high/x"))["extent/high/x"] == "7.0"
    assert flat1(execute1(server, COMMON + pairs, "text"))["text"] == "a(-) b(-) none"


def test_wps1_takes_paths_in_documents(server, standards):
    given = "".join(
        f"<wps:Input><ows:Identifier>{name}</ows:Identifier><wps:Data><wps:LiteralData>{value}</wps:LiteralData>"
        "</wps:Data></wps:Input>"
        for name, value in [("stations/name", "a"), ("stations/at/x", "1"), ("origin/x", "1")]
    )
    body = (
        f'<wps:Execute service="WPS" version="1.0.0" {declared(WPS1)}><ows:Identifier>survey</ows:Identifier>'
        f"<wps:DataInputs>{given}</wps:DataInputs><wps:ResponseForm><wps:ResponseDocument lineage='true'><wps:Output>"
        "<ows:Identifier>extent/low/x</ows:Identifier></wps:Output></wps:ResponseDocument></wps:ResponseForm></wps:Execute>"
    )
    answer = fetch(f"{server.url}/wps", body)[0]
    assert_valid(standards, answer)
    root = etree.fromstring(answer)
    assert [e.text for e in root.iterfind("wps:DataInputs/wps:Input/ows:Identifier", WPS1)][:3] == [
        "stations/0/name",
        "stations/0/at/x",
        "origin/x",
    ]
    assert flat1(etree.tostring(root.find("wps:ProcessOutputs", WPS1)))["extent/low/x"] == "1.0"


@pytest.mark.parametrize(
    ("pairs", "locator"),
    [
        ([*COMMON, ("stations/tags", "x")], "stations/tags"),
        ([*COMMON, ("stations", "x")], "stations"),
        ([*COMMON, ("stations/name", "a")], "stations/0/at"),
        ([*COMMON, ("stations/name", "a"), ("stations/at/x", "far")], "stations/0/at/x"),
        ([*COMMON, *NUMBERED, ("origin/x", "2")], "origin/x"),
        ([*COMMON, *NUMBERED, ("origin/up", "2")], "origin/up"),
    ],
)
def test_wps1_faults_are_located(server, pairs, locator):
    with pytest.raises(Refused) as refusal:
        execute1(server, pairs)
    (exception,) = etree.fromstring(refusal.value.text.encode()).iter("{*}Exception")
    assert exception.get("locator") == locator


def test_clients_of_wps1_take_paths_for_names(server):
    inputs = [("stations/name", "a"), ("stations/at/x", "1"), ("origin/x", "2")]
    run = WebProcessingService(server.wps).execute("survey", inputs, output=[("extent/low/x", False)], mode=SYNC)
    assert [output.data for output in run.processOutputs if output.identifier == "extent/low/x"] == [["1.0"]]
    logging.disable()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        client = birdy.WPSClient(f"{server.url}/wps/1.0.0")
    logging.disable(logging.NOTSET)
    found = client.middle(origin_x=3.0).get()
    assert (found[0], found[1]) == (3.0, 0.0)


# --- one job ---


def test_a_job_is_the_same_everywhere(server):
    body = json.dumps({"inputs": INPUTS, "response": "document"})
    headers = {"Content-Type": "application/json", "Prefer": "respond-async, wait=20"}
    _, answered = fetch(f"{server.url}/processes/survey/execution", body, **headers)
    (job,) = [item["jobID"] for item in json.loads(fetch(f"{server.url}/jobs?limit=1")[0])["jobs"]]
    assert answered["preference-applied"] == "wait=20"
    over2 = fetch(f"{server.url}/wps?service=WPS&version=2.0.0&request=GetResult&JobID={job}")[0]
    assert "".join(flat2(over2)["extent/high/x"].itertext()).strip() == "7.0"
    assert flat1(fetch(f"{server.url}/wps/jobs/{job}")[0])["extent/high/x"] == "7.0"
