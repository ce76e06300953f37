"""Clients that others wrote, against a live server."""

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest
from lxml import etree

import npm

ECHO = {"1.0.0": "org.n52.wps.server.algorithm.test.EchoProcess", "2.0.0": "org.n52.javaps.test.EchoProcess"}


@pytest.fixture(scope="module")
def modules():
    return npm.modules("wps-js", "wps-js-52-north@2.0.52", "jsdom@24.1.3", "jquery@3.7.1")


@pytest.mark.parametrize("path", ["/wps", "/wps/{version}"])
@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_wps_js(server, modules, version, path):
    """The 52°North library, which browsers use: every operation that it has."""
    endpoint = server.url + path.format(version=version)
    command = ["node", str(Path(__file__).with_name("wps_js.cjs")), str(modules), endpoint, version, ECHO[version]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    for capabilities in (said["capabilities"], said["posted"]):
        check_capabilities(capabilities["capabilities"], version)
    for description in (said["description"], said["describedByPost"]):
        check_description(description["processOffering"], version)
    check_outputs(said["sync"]["executeResponse"], version)
    (reference,) = said["reference"]["executeResponse"]["responseDocument"]["outputs"]
    with urllib.request.urlopen(reference["reference"]["href"], timeout=30) as answer:
        assert etree.fromstring(answer.read()).text == "ü"
    assert said["raw"]["executeResponse"]["type"] == "rawOutput"
    assert etree.fromstring(said["raw"]["executeResponse"]["responseDocument"]).text == "ü"
    assert "Succeeded" in said["followed"]["status"]
    (literal,) = said["followed"]["result"]["executeResponse"]["responseDocument"]["outputs"]
    assert literal["data"]["literalData"]["value"] == "a < b"
    assert "ExceptionReport" in said["refused"]["errorThrown"]


def check_capabilities(capabilities, version):
    processes = {item["identifier"]: item for item in capabilities["processes"]}
    assert ECHO[version] in processes
    assert capabilities["serviceIdentification"]["title"] == "Cloche"
    if version == "2.0.0":
        assert "async-execute" in processes[ECHO[version]]["jobControlOptions"]


def check_description(offering, version):
    process = offering["process"]
    assert process["identifier"] == ECHO[version]
    inputs = {item["identifier"]: item for item in process["inputs"]}
    assert {"literalInput", "complexInput", "boundingboxInput"} <= inputs.keys()
    assert inputs["complexInput"]["complexData"]["formats"][0]["mimeType"] == "text/xml"
    assert {item["identifier"] for item in process["outputs"]} == {
        "literalOutput",
        "complexOutput",
        "boundingboxOutput",
    }
    if version == "2.0.0":
        assert offering["jobControlOptions"][:2] == ["sync-execute", "async-execute"]
        assert offering["outputTransmissionModes"] == ["value", "reference"]


def check_outputs(response, version):
    assert response["type"] == "resultDocument" if version == "2.0.0" else "responseDocument"
    outputs = {item["identifier"]: item["data"] for item in response["responseDocument"]["outputs"]}
    assert outputs["literalOutput"]["literalData"]["value"] == "a < b"
    assert "ü" in outputs["complexOutput"]["complexData"]["value"]
    assert outputs["boundingboxOutput"]["boundingBoxData"]["lowerCorner"] == "1 2"
