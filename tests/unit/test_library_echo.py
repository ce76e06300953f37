"""The EchoProcesses are described as the suites' files say."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cloche.library import echo
from cloche.library.answers import ultimate_question
from cloche.model.domains import BoundingBoxDomain, Closure, ComplexDomain, LiteralDomain
from cloche.process import Job

OWS1, OWS2, WPS2 = (
    "{http://www.opengis.net/ows/1.1}",
    "{http://www.opengis.net/ows/2.0}",
    "{http://www.opengis.net/wps/2.0}",
)
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def domain_1(element):
    """What a 1.0.0 description says of a value, in our words."""
    kind = element.find("LiteralData") if element.find("LiteralData") is not None else element.find("LiteralOutput")
    if kind is not None:
        return {"type": kind.findtext(f"{OWS1}DataType"), "default": kind.findtext("DefaultValue")}
    systems = [crs.text for crs in element.iterfind("*/Supported/CRS")]
    if systems:
        assert systems[0] == element.findtext("*/Default/CRS")
        return {"crs": systems}
    formats = [mime.text for mime in element.iterfind("*/Supported/Format/MimeType")]
    assert formats[0] == element.findtext("*/Default/Format/MimeType")
    return {"formats": formats}


def ours(domain):
    match domain:
        case LiteralDomain():
            assert domain.values == domain.ranges == domain.units == ()
            return {"type": domain.datatype.value, "default": domain.default}
        case BoundingBoxDomain():
            assert domain.dimensions == 2
            return {"crs": list(domain.crs)}
        case ComplexDomain():
            return {"formats": [known.media_type for known in domain.formats]}


def test_wps1(standards):
    root = ET.parse(standards / "echo" / "EchoProcess.wps10.xml").getroot()
    wanted = root.find("ProcessDescription")
    found = echo.echo_wps1.description
    assert found.id == wanted.findtext(f"{OWS1}Identifier")
    assert found.title == wanted.findtext(f"{OWS1}Title")
    assert found.version == wanted.get("{http://www.opengis.net/wps/1.0.0}processVersion")
    assert [(p.id, p.title, p.min_occurs, p.max_occurs, ours(p.domain)) for p in found.inputs] == [
        (
            item.findtext(f"{OWS1}Identifier"),
            item.findtext(f"{OWS1}Title"),
            int(item.get("minOccurs")),
            int(item.get("maxOccurs")),
            domain_1(item),
        )
        for item in wanted.iterfind("DataInputs/Input")
    ]
    assert [(p.id, p.title, ours(p.domain)) for p in found.outputs] == [
        (item.findtext(f"{OWS1}Identifier"), item.findtext(f"{OWS1}Title"), domain_1(item))
        for item in wanted.iterfind("ProcessOutputs/Output")
    ]


def domain_2(element):
    if (literal := element.find(f"{WPS2}LiteralData")) is not None:
        return {"type": literal.findtext(f"LiteralDataDomain/{OWS2}DataType"), "default": None}
    if (box := element.find(f"{WPS2}BoundingBoxData")) is not None:
        return {"crs": [crs.text for crs in box.iterfind(f"{WPS2}SupportedCRS")]}
    return {"formats": [item.get("mimeType") for item in element.iterfind(f"{WPS2}ComplexData/{WPS2}Format")]}


def test_wps2(standards):
    root = ET.parse(standards / "echo" / "EchoProcess.wps20.xml").getroot()
    offering = root.find(f"{WPS2}ProcessOffering")
    wanted = offering.find(f"{WPS2}Process")
    found = echo.echo_wps2.description
    assert found.id == wanted.findtext(f"{OWS2}Identifier")
    assert found.title == wanted.findtext(f"{OWS2}Title")
    assert found.version == offering.get("processVersion")
    assert list(found.job_control) == offering.get("jobControlOptions").split()
    for parameters, name in ((found.inputs, "Input"), (found.outputs, "Output")):
        assert [(p.id, p.title, ours(p.domain)) for p in parameters] == [
            (item.findtext(f"{OWS2}Identifier"), item.findtext(f"{OWS2}Title"), domain_2(item))
            for item in wanted.iterfind(f"{WPS2}{name}")
        ]
    assert [(p.min_occurs, p.max_occurs) for p in found.inputs] == [
        (int(item.get("minOccurs")), int(item.get("maxOccurs"))) for item in wanted.iterfind(f"{WPS2}Input")
    ]


TYPES = {"string": "string", "double": "number", "integer": "integer"}


def schema_of(domain):
    """The JSON Schema that a protocol of OGC API - Processes derives from a domain, as far as the echo needs it."""
    match domain:
        case LiteralDomain():
            return literal_schema(domain)
        case BoundingBoxDomain(crs=crs):
            return crs[0]
        case ComplexDomain(json_schema=str() as text):
            return json.loads(text)
        case ComplexDomain():
            return [known.media_type for known in domain.formats]


def literal_schema(domain):
    if domain.datatype.value == "dateTime":
        return {"type": "string", "format": "date-time"}
    schema = {"type": TYPES[domain.datatype.value]}
    for span in domain.ranges:
        schema |= {"minimum": float(span.minimum), "maximum": float(span.maximum)}
        if span.closure is Closure.OPEN_CLOSED:
            schema["exclusiveMinimum"] = True
    return schema | ({} if domain.default is None else {"default": int(domain.default)})


def wanted_schema(schema):
    if "allOf" in schema:
        return schema["allOf"][1]["properties"]["crs"]["default"]
    if "contentEncoding" in str(schema):
        return [option["contentMediaType"] for option in schema["oneOf"]]
    return schema


def test_ogcapi(standards):
    wanted = json.loads((standards / "echo" / "EchoProcess.ogcapi.json").read_text())
    found = echo.echo_ogcapi.description
    assert (found.id, found.title, found.abstract) == (wanted["id"], wanted["title"], wanted["description"])
    assert (found.version, list(found.keywords)) == (wanted["version"], wanted["keywords"])
    assert [mode.value for mode in found.job_control] == wanted["jobControlOptions"]
    inputs = {
        p.id: {
            "title": p.title,
            "description": p.abstract,
            "minOccurs": p.min_occurs,
            "maxOccurs": p.max_occurs,
            "schema": schema_of(p.domain),
        }
        for p in found.inputs
    }
    assert inputs == {name: item | {"schema": wanted_schema(item["schema"])} for name, item in wanted["inputs"].items()}
    assert {p.id: {"title": p.title, "schema": schema_of(p.domain)} for p in found.outputs} == {
        name: item | {"schema": wanted_schema(item["schema"])} for name, item in wanted["outputs"].items()
    }


def test_they_echo_as_plain_functions():
    job = Job(Path())
    assert echo.echo_wps1(literal="x", job=job) == echo.Echo1(None, "x", None)
    assert echo.echo_wps2(literal="x", job=job) == echo.Echo2(None, None, "x")
    assert echo.echo_ogcapi("x", number=1.5, job=job).number == 1.5


def test_the_answer_takes_its_time(tmp_path):
    told = []
    job = Job(tmp_path, report=lambda percent, message: told.append(percent))
    assert ultimate_question(0.01, job=job) == 42
    assert told == list(range(100))
    assert ultimate_question.description.outputs[0].id == "answer"


@pytest.mark.parametrize("module", ["cloche.process", "cloche.library.echo", "cloche.library.answers"])
def test_importing_is_light(module):
    """The benchmark of the server's overhead, and what every zygote pays."""
    code = f"import {module}, sys; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    heavy = {"numpy", "pandas", "geopandas", "shapely", "rasterio", "pyogrio", "asyncio", "logging", "lxml", "msgspec"}
    assert not loaded & (heavy | {"sqlalchemy", "structlog", "multiprocessing", "socket", "xml"})
