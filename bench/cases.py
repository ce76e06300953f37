"""What is measured of each server."""

import re
import statistics
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import Load, Post, hammer, request
from bench.memory import Peak
from bench.servers import Server

CAPABILITIES = "?service=WPS&request=GetCapabilities&version=1.0.0"
DESCRIBE = "?service=WPS&version=1.0.0&request=DescribeProcess&identifier=add"
EXECUTE = "?service=WPS&version=1.0.0&request=Execute&identifier=add&DataInputs=a=1.5;b=2.25"
ASYNC = EXECUTE + "&storeExecuteResponse=true&status=true"
FEATURE = (
    b'<gml:featureMember xmlns:gml="http://www.opengis.net/gml"><gml:Point><gml:pos>'
    + b"12.345678 45.678901 " * 50
    + b"</gml:pos></gml:Point></gml:featureMember>\n"
)
HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?><wps:Execute service="WPS" version="1.0.0"'
    b' xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1">'
    b"<ows:Identifier>measure</ows:Identifier><wps:DataInputs><wps:Input><ows:Identifier>document</ows:Identifier>"
    b'<wps:Data><wps:ComplexData mimeType="application/gml+xml">'
    b'<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml">'
)
TAIL = (
    b"</gml:FeatureCollection></wps:ComplexData></wps:Data></wps:Input></wps:DataInputs>"
    b"<wps:ResponseForm><wps:RawDataOutput><ows:Identifier>size</ows:Identifier></wps:RawDataOutput></wps:ResponseForm>"
    b"</wps:Execute>"
)


XML2 = (
    '<wps:Execute service="WPS" version="2.0.0" mode="sync" response="document" xmlns:wps="http://www.opengis.net/wps/2.0"'
    ' xmlns:ows="http://www.opengis.net/ows/2.0"><ows:Identifier>add</ows:Identifier><wps:Input id="a"><wps:Data>1.5'
    '</wps:Data></wps:Input><wps:Input id="b"><wps:Data>2.25</wps:Data></wps:Input><wps:Output id="total"'
    ' transmission="value"/></wps:Execute>'
)
WPS2 = Post(body=XML2, media_type="text/xml")
OGC = Post(body='{"inputs": {"a": 1.5, "b": 2.25}}', media_type="application/json")


def execute(url: str, post: Post | None, *, clients: int, seconds: int) -> Load:
    """Synchronous executions, after a second of warming up."""
    hammer(url, clients=clients, seconds=1, post=post)
    return hammer(url, clients=clients, seconds=seconds, post=post)


def requests(server: Server, query: str, *, clients: int, seconds: int = 4) -> Load:
    """A second of warming up, then the measure."""
    hammer(server.wps + query, clients=clients, seconds=1)
    return hammer(server.wps + query, clients=clients, seconds=seconds)


def submit_to_result(server: Server, *, times: int = 20) -> float:
    """Median milliseconds from the asynchronous submission to the document that says ProcessSucceeded."""
    return statistics.median(_one_async(server) for _ in range(times)) * 1000


def _one_async(server: Server) -> float:
    began = time.perf_counter()
    _, document = request(server.wps + ASYNC)
    location = re.search(rb'statusLocation="([^"]+)"', document)[1].decode().replace("&amp;", "&")
    while b"ProcessSucceeded" not in document:
        if b"ProcessFailed" in document or time.perf_counter() - began > 60:
            raise RuntimeError(document.decode())
        time.sleep(0.002)
        document = _status(server, location)
    return time.perf_counter() - began


def _status(server: Server, location: str) -> bytes:
    # PyWPS leaves its status files to another web server: reading them from disk is in its favour
    if server.name == "PyWPS":
        return (server.outputs / Path(urlsplit(location).path).name).read_bytes()
    return request(location)[1]


def inline(server: Server, megabytes: int) -> tuple[float, float]:
    """Seconds, and megabytes of memory on top of the idle server, for that much GML inside one Execute."""
    body = HEAD + FEATURE * (megabytes * 1_000_000 // len(FEATURE)) + TAIL
    with Peak(server.pid) as peak:
        seconds, answer = request(server.wps, body)
    if int(answer) < megabytes * 990_000:
        raise RuntimeError(answer.decode())
    return seconds, peak.growth / 1e6
