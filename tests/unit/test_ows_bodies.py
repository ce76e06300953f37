"""Bodies over HTTP: compressed, chunked, too large, stalled, broken off; nothing stays behind."""

import asyncio
import errno
import gzip
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from cloche.model.state import State
from cloche.protocols._http import deposit
from cloche.protocols.wps1 import BodyLimits, Wps1Config
from wps_house import URL, House, hold
from wps_xml import document, execute, inline, raw

LIMITS = BodyLimits(max_bytes=1 << 20, memory_bytes=1 << 12, idle_seconds=0.2)
EXECUTE = execute(inline("<a/>"), document("data")).encode()
BIG = execute(
    inline("<![CDATA[" + "x" * 100_000 + "]]>", 'mimeType="text/plain"'), raw("data", 'mimeType="text/plain"')
)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, config=Wps1Config(url=URL, body=LIMITS))


@pytest.fixture(autouse=True)
def nothing_stays_behind(house):
    yield
    assert not list((house.root / "intake").iterdir())


def exchange(house, messages, headers=(), *, method="POST", query=b"", path="/wps", after=None):
    """Speaks ASGI: what is sent back when the client sends ``messages`` and then nothing."""
    sent = []

    async def run():
        waiting = iter(messages)

        async def receive():
            message = next(waiting, None)
            if message is None:
                await (after or asyncio.Event().wait)()
                return {"type": "http.disconnect"}
            return message

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
            "root_path": "",
            "scheme": "http",
            "server": ("wps.test", 80),
            "http_version": "1.1",
        }
        await house.app(scope, receive, send)

    asyncio.run(run())
    return sent


def chunks(content, size=10_000):
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [{"type": "http.request"}]


def answered(sent):
    """Status, headers, and the code and locator of the report."""
    assert sent[-1].get("more_body", False) is False
    root = etree.fromstring(b"".join(message["body"] for message in sent[1:]))
    exception = root.find("{*}Exception")
    return sent[0]["status"], dict(sent[0]["headers"]), exception.get("exceptionCode")


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_chunked_bodies(house, size):
    sent = exchange(house, chunks(EXECUTE, size))
    assert sent[0]["status"] == 200


@pytest.mark.parametrize(
    ("headers", "read"),
    [([("Connection", "close")], True), ([("Connection", "close"), ("Expect", "100-continue")], False), ([], False)],
)
def test_a_refusal_reaches_clients_that_are_still_sending(house, headers, read):
    """A connection that is closed over unread data takes the answer with it; the rest is read by the HTTP server."""
    sending = iter(chunks(b" " * (3 << 20), 1 << 16))
    sent = exchange(house, sending, headers)
    assert answered(sent)[0] == 400
    assert (next(sending, None) is None) is read


def test_a_body_larger_than_memory_passes_through_a_file(house):
    answer = house.post(BIG)
    assert answer.content == b"x" * 100_000


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
    ],
)
@pytest.mark.parametrize("content", [EXECUTE, BIG.encode()])
def test_compressed_bodies(house, encoding, packed, content):
    answer = house.post(packed(content), **{"content-encoding": encoding})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (EXECUTE, "gzip", 400),
        (gzip.compress(EXECUTE, mtime=0)[:-10], "gzip", 400),
        (EXECUTE, "br", 415),
        (b"", "gzip", 400),
    ],
)
def test_bodies_that_cannot_be_unpacked(house, content, encoding, status):
    assert house.post(content, **{"content-encoding": encoding}).status_code == status


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_bodies_that_are_too_large(house, encoding):
    content = execute(inline("<![CDATA[" + "x" * (1 << 20) + "]]>")).encode()
    packed = gzip.compress(content) if encoding == "gzip" else content
    sent = exchange(house, chunks(packed), [("content-encoding", encoding)])
    assert answered(sent)[::2] == (413, "FileSizeExceeded")
    if encoding == "identity":
        sent = exchange(house, [], [("content-length", str(len(content)))])
        assert answered(sent)[::2] == (413, "FileSizeExceeded")


def test_an_input_that_is_too_large(tmp_path):
    house = House(tmp_path / "small", max_input_bytes=1000)
    answer = house.post(BIG)
    assert (answer.status_code, etree.fromstring(answer.content)[0].attrib) == (
        413,
        {"exceptionCode": "FileSizeExceeded", "locator": "data"},
    )


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 500)])
def test_a_full_disk_is_told(house, monkeypatch, number, status):
    def write(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(deposit.os, "write", write)
    answer = house.post(BIG)
    assert (answer.status_code, etree.fromstring(answer.content)[0].get("exceptionCode")) == (
        status,
        "NotEnoughStorage" if status == 507 else "NoApplicableCode",
    )


def test_a_client_that_stops_sending_is_told_and_left(house):
    sent = exchange(house, chunks(BIG.encode())[:-3])
    status, headers, code = answered(sent)
    assert (status, code, headers[b"connection"]) == (408, "NoApplicableCode", b"close")


def test_a_client_that_leaves_while_sending_gets_nothing(house):
    assert exchange(house, [*chunks(BIG.encode())[:-3], {"type": "http.disconnect"}]) == []


def test_lies_about_the_length_do_no_harm(house):
    for length in ("0", "-1", "x", "1", ""):
        assert exchange(house, chunks(EXECUTE), [("content-length", length)])[0]["status"] == 200


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_client_that_leaves_while_waiting_stops_its_job(house, method):
    house.play = hold

    async def leaves():
        while not house.jobs:
            await asyncio.sleep(0.005)

    query = b"service=WPS&version=1.0.0&request=Execute&identifier=echo&DataInputs=text=a"
    messages = chunks(EXECUTE) if method == "POST" else [{"type": "http.request"}]
    sent = exchange(house, messages, method=method, query=query, after=leaves)
    assert sent == []
    assert house.jobs[0].state is State.DISMISSED


def test_a_refused_request_leaves_no_file(house):
    content = BIG.replace("<ows:Identifier>data", "<ows:Identifier>nodata")
    assert house.post(content).status_code == 400
    assert house.post(BIG.replace("</wps:Execute>", "")).status_code == 400
    assert house.post(BIG.replace(">echo<", ">nothing<")).status_code == 400


def test_a_large_body_is_refused_as_soon_as_it_is_wrong(house):
    doctype = "<!DOCTYPE a>" + "<a>" * 300_000
    consumed = chunks(doctype.encode())
    received = iter(consumed)
    sent = exchange(house, received)
    assert sent[0]["status"] == 400
    assert len(list(received)) > len(consumed) / 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.binary(max_size=200), st.sampled_from(["identity", "gzip", "deflate"]), st.booleans())
def test_no_body_is_a_server_error(house, content, encoding, packed):
    if packed:
        content = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding](content)
    answer = house.post(content, **{"content-encoding": encoding})
    assert 400 <= answer.status_code < 500
    assert etree.fromstring(answer.content).tag.endswith("ExceptionReport")
