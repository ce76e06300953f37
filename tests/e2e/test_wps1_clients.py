"""WPS 1.0.0 as other people's clients use it, against a live server with the shipped processes."""

import logging
import time
import warnings

import birdy
import pytest
from owslib.util import ServiceException
from owslib.wps import SYNC, BoundingBoxDataInput, ComplexDataInput, WebProcessingService

ECHO = "org.n52.wps.server.algorithm.test.EchoProcess"
POINT = '{"type": "Feature", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}}'
POINTS = f'{{"type": "FeatureCollection", "features": [{POINT}]}}'
GEOJSON = "application/geo+json"


@pytest.fixture(scope="module")
def wps(server):
    return WebProcessingService(server.wps)


@pytest.fixture(scope="module")
def bird(server):
    logging.disable()  # birdy logs an error for each literal that it shows
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # how it calls OWSLib
        yield birdy.WPSClient(server.wps)
    logging.disable(logging.NOTSET)


def finished(execution):
    until = time.monotonic() + 30
    while not execution.isComplete():
        assert time.monotonic() < until, execution.status
        execution.checkStatus(sleepSecs=0.05)
    assert execution.isSucceded(), [error.text for error in execution.errors]
    return execution


def test_owslib_reads_capabilities(wps):
    assert wps.identification.type == "WPS"
    assert {operation.name for operation in wps.operations} == {"GetCapabilities", "DescribeProcess", "Execute"}
    assert {"vector_buffer", ECHO} <= {process.identifier for process in wps.processes}


def test_owslib_reads_descriptions(wps):
    process = wps.describeprocess("vector_buffer")
    assert (process.storeSupported, process.statusSupported) == (True, True)
    kinds = {item.identifier: item.dataType for item in process.dataInputs}
    assert (kinds["features"], kinds["distance"]) == ("ComplexData", "float")
    assert len(wps.describeprocess("all")) == len(wps.processes)


def test_owslib_executes_and_waits(wps):
    inputs = [
        ("literalInput", "a <b> & c"),
        ("complexInput", ComplexDataInput("<a><b>1</b></a>", mimeType="text/xml")),
        ("boundingboxInput", BoundingBoxDataInput([1, 2, 3, 4], crs="EPSG:4326", dimensions=2)),
    ]
    execution = finished(wps.execute(ECHO, inputs, mode=SYNC))
    outputs = {item.identifier: item for item in execution.processOutputs}
    assert outputs["literalOutput"].data == ["a <b> & c"]
    assert b"<b>1</b>" in outputs["complexOutput"].data[0]
    assert execution.statusLocation is None


def test_owslib_follows_an_execution(wps):
    execution = wps.execute("ultimate_question", [("delay", "0.5")], output=[("answer", False)], lineage=True)
    assert execution.statusLocation
    percents = []
    while not execution.isComplete():
        execution.checkStatus(sleepSecs=0.05)
        percents.append(execution.percentCompleted)
    assert finished(execution).processOutputs[0].data == ["42"]
    assert percents == sorted(percents)
    assert any(0 < percent < 100 for percent in percents)
    assert execution.dataInputs[0].data == ["0.5"]


def test_owslib_fetches_a_reference(wps):
    inputs = [("features", ComplexDataInput(POINTS, mimeType=GEOJSON)), ("distance", "10")]
    execution = wps.execute("vector_buffer", inputs, output=[("result", True, GEOJSON)])
    (output,) = finished(execution).processOutputs
    assert output.mimeType == GEOJSON
    assert b"Polygon" in output.retrieveData()


def test_owslib_is_told_what_is_wrong(wps):
    with pytest.raises(ServiceException) as refused:
        wps.execute("vector_buffer", [("distance", "far")], mode=SYNC)
    assert "features" in str(refused.value)
    with pytest.raises(ServiceException):
        wps.describeprocess("no_such_process")


def test_birdy_calls_processes_as_functions(bird, server):
    assert "distance" in bird.vector_buffer.__doc__
    assert bird.ultimate_question(delay=0.1).get().answer == 42
    (reference,) = bird.vector_buffer(features=POINTS, distance=10.0).get()
    assert b"Polygon" in server.get(reference)[1]


def test_birdy_is_told_what_is_wrong(bird):
    with pytest.raises(Exception, match=r"distance|features|input"):
        bird.vector_buffer(features="nothing", distance=10.0).get()
