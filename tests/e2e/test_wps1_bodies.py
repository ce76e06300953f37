"""Large and broken requests over real sockets: memory, time, and always an answer."""

import hashlib
import http.client
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

import live
from wps_xml import document, execute, raw, value

ECHO = "org.n52.wps.server.algorithm.test.EchoProcess"
ROW = b'<x:member><x:p fid="1"><x:point srs="EPSG:4326">12,34</x:point></x:p><x:n>1</x:n></x:member>'
MEGABYTE = 1 << 20


def body(attributes, form):
    """The bytes before and after inline data."""
    data = value("complexInput", f"<wps:ComplexData {attributes}>@@</wps:ComplexData>")
    return execute(data, form, process=ECHO).encode().split(b"@@")


def stream(before, piece, times, after):
    yield before
    block = piece * (MEGABYTE // len(piece))
    for _ in range(times * len(piece) // len(block)):
        yield block
    yield after


def memory(server, name):
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return int(re.search(rf"{name}:\s+(\d+)", status)[1]) << 10


def ask(server, chunks, headers=()):
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        connection.request("POST", "/wps", chunks, {"Content-Type": "text/xml", **dict(headers)}, encode_chunked=True)
        answer = connection.getresponse()
        size, digest, head = 0, hashlib.sha256(), b""
        while chunk := answer.read(MEGABYTE):
            head = head or chunk
            size += len(chunk)
            digest.update(chunk)
        return answer.status, size, digest.hexdigest(), head
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("attributes", "opening", "piece", "closing"),
    [
        ('mimeType="text/xml"', b'<x:all xmlns:x="urn:x">', ROW, b"</x:all>"),
        ('mimeType="application/json"', b"<![CDATA[[", b'{"n": [1, 2, 3]},\n', b"0]]]>"),
    ],
    ids=["xml", "text"],
)
def test_a_hundred_megabytes_inline_cost_little_memory(server, attributes, opening, piece, closing):
    before, after = body(attributes, raw("complexOutput", attributes))
    times = 100 * MEGABYTE // len(piece)
    small = ask(server, stream(before + opening, piece, 0, closing + after), [("Transfer-Encoding", "chunked")])
    assert small[0] == 200, small
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", "ascii")
    idle = memory(server, "VmRSS")
    chunks = stream(before + opening, piece, times, closing + after)
    status, size, _, head = ask(server, chunks, [("Transfer-Encoding", "chunked")])
    assert status == 200, head
    assert size > 99 * MEGABYTE
    assert memory(server, "VmHWM") - idle < 64 * MEGABYTE


def test_a_document_with_much_inline_is_whole(server):
    before, after = body('mimeType="text/xml"', document("complexOutput", attributes='lineage="true"'))
    chunks = stream(before + b'<x:all xmlns:x="urn:x">', ROW, 50_000, b"</x:all>" + after)
    status, size, _, head = ask(server, chunks, [("Transfer-Encoding", "chunked")])
    assert status == 200, head
    assert size > 2 * 50_000 * len(ROW) - 4 * MEGABYTE


def talk(server, head, parts=(), *, timeout=20):
    """What a server says on a raw connection, until it closes or the answer is complete."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=timeout) as connection:
        connection.sendall(head)
        for part in parts:
            connection.sendall(part)
        answer = http.client.HTTPResponse(connection, method="POST")
        answer.begin()
        return answer.status, answer.read()


def exception(content):
    return etree.fromstring(content).find("{*}Exception").get("exceptionCode")


@pytest.fixture(scope="module")
def strict():
    with live.home() as folder:
        running = live.start(folder, '[server]\nmaxrequestsize = "1MiB"\n', demo=True)
        yield running
        running.end()


def test_a_body_that_is_too_large_is_answered_and_not_cut_off(strict):
    for length in ("Content-Length: 8388608", "Transfer-Encoding: chunked"):
        head = f"POST /wps/1.0.0 HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode()
        block = b"x" * MEGABYTE if "Content" in length else b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
        status, content = talk(strict, head, [block] * 8)
        assert (status, exception(content)) == (413, "FileSizeExceeded")


def test_a_keep_alive_connection_survives_a_refusal(strict):
    address = urlsplit(strict.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    for _ in range(3):
        connection.request("POST", "/wps", b"<a>" + b"x" * 1000)
        assert connection.getresponse().read()
        connection.request("GET", "/wps?service=WPS&request=GetCapabilities")
        assert connection.getresponse().read().startswith(b"<?xml")
    connection.close()
