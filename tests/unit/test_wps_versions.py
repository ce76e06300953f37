"""One endpoint for every version, and one for each."""

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from starlette.datastructures import Headers

from cloche.protocols._ows.versions import Offer, VersionedEndpoint
from wps2_house import House2
from wps_house import assert_valid

GET = "service=WPS&request=GetCapabilities"
WPS1, WPS2 = "http://www.opengis.net/wps/1.0.0", "http://www.opengis.net/wps/2.0"
SOAP = "http://www.w3.org/2003/05/soap-envelope"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return House2(tmp_path_factory.mktemp("house"))


def version(answer):
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content).get("version")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (GET, "2.0.0"),
        (f"{GET}&version=1.0.0", "1.0.0"),
        (f"{GET}&VERSION=2.0.0", "2.0.0"),
        (f"{GET}&AcceptVersions=1.0.0", "1.0.0"),
        (f"{GET}&acceptversions=3.0.0,1.0.0,2.0.0", "1.0.0"),
        (f"{GET}&AcceptVersions=2.0.0,1.0.0&version=1.0.0", "2.0.0"),
    ],
)
def test_queries(house, standards, query, expected):
    answer = house.client.get(f"/wps?{query}")
    assert version(answer) == expected
    assert_valid(standards, answer.content)
    listed = [item.text for item in etree.fromstring(answer.content).iter("{*}ServiceTypeVersion")]
    assert listed == ["1.0.0", "2.0.0"]


@pytest.mark.parametrize("pinned", ["1.0.0", "2.0.0"])
def test_pinned_endpoints(house, pinned):
    answer = house.client.get(f"/wps/{pinned}?{GET}")
    assert version(answer) == pinned
    root = etree.fromstring(answer.content)
    assert [item.text for item in root.iter("{*}ServiceTypeVersion")] == [pinned]
    hrefs = {item.get("{http://www.w3.org/1999/xlink}href").rstrip("?") for item in root.iter("{*}Post")}
    assert hrefs == {f"http://wps.test/wps/{pinned}"}
    other = {"1.0.0": "2.0.0", "2.0.0": "1.0.0"}[pinned]
    for query in (f"{GET}&version={other}", f"{GET}&AcceptVersions={other}"):
        refused = house.client.get(f"/wps/{pinned}?{query}")
        assert refused.status_code == 400
        assert b"VersionNegotiationFailed" in refused.content
        assert f"is offered; this service speaks {pinned}." in refused.text


def test_a_refused_version_hears_of_every_one_that_there_is(house):
    refused = house.client.get(f"/wps?{GET}&AcceptVersions=9.9.9")
    assert "None of the versions 9.9.9 is offered; this service speaks 1.0.0, 2.0.0." in refused.text
    refused = house.client.get("/wps?service=WPS&version=1.1.1&request=DescribeProcess&identifier=ALL")
    assert "The version 1.1.1 is not offered here; GetCapabilities tells which are." in refused.text


def wrapped(content):
    header = f'<s:Header><x xmlns="{WPS1}"><y/></x></s:Header>'
    return f'<s:Envelope xmlns:s="{SOAP}">{header}<s:Body>{content}</s:Body></s:Envelope>'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'<GetCapabilities xmlns="{WPS1}" service="WPS"/>', "1.0.0"),
        (f'<GetCapabilities xmlns="{WPS2}" service="WPS"/>', "2.0.0"),
        (f'<?xml version="1.0"?>\n<!-- c --><?pi?> <w:GetCapabilities xmlns:w="{WPS1}" service="WPS"/>', "1.0.0"),
        ('<GetCapabilities xmlns="http://www.opengis.net/ows/1.1" service="WPS"/>', "1.0.0"),
        ('<GetCapabilities xmlns="http://www.opengis.net/ows/2.0" service="WPS"/>', "2.0.0"),
        ('<GetCapabilities service="WPS"/>', "2.0.0"),
        (wrapped(f'<GetCapabilities xmlns="{WPS2}" service="WPS"/>'), "2.0.0"),
        (wrapped(f'<GetCapabilities xmlns="{WPS1}" service="WPS"/>'), "1.0.0"),
        (f'<!--{"x" * 3000}--><GetCapabilities xmlns="{WPS1}" service="WPS"/>', "1.0.0"),
    ],
)
def test_bodies(house, body, expected):
    plain, packed = house.client.post("/wps", content=body), gzip.compress(body.encode())
    for answer in (
        plain,
        house.client.post("/wps", content=packed, headers={"content-encoding": "gzip"}),
        house.client.post("/wps", content=body.encode("utf-16")),
        house.client.post("/wps", content=iter([body[:5].encode(), body[5:200].encode(), body[200:].encode()])),
    ):
        assert answer.status_code == 200, answer.text
        (root,) = (
            item for item in etree.fromstring(answer.content).iter() if etree.QName(item).localname == "Capabilities"
        )
        assert root.get("version") == expected


@pytest.mark.parametrize("body", [b"", b"nonsense", b"<a", b"<!DOCTYPE a><a/>", b"\x1f\x8b", b"<a xmlns='u'/>"])
def test_what_nobody_understands_is_refused_by_the_highest(house, body):
    for headers in ({}, {"content-encoding": "gzip"}, {"content-type": "text/xml; charset=utf-7"}):
        answer = house.client.post(f"/wps?{GET}", content=body, headers=headers)
        assert answer.status_code in {400, 415, 501}
        assert etree.fromstring(answer.content).get("version") == "2.0.0"


def test_who_says_nothing_is_not_waited_for():
    seen = []

    async def application(scope, receive, send):
        seen.append((await receive())["body"])

    async def ask():
        messages = iter([{"type": "http.request", "body": b"<a", "more_body": True}])

        async def receive():
            return next(messages, None) or await asyncio.sleep(30)

        endpoint = VersionedEndpoint([Offer(version="1", namespaces=(), application=application)], idle_seconds=0.05)
        await asyncio.wait_for(endpoint({"method": "POST", "headers": []}, receive, None), 5)

    asyncio.run(ask())
    assert seen == [b"<a"]


@given(content=st.binary(max_size=300), pieces=st.integers(1, 5), encoding=st.sampled_from(["", "gzip", "deflate"]))
def test_every_byte_reaches_the_one_who_answers(content, pieces, encoding):
    received = []

    async def application(scope, receive, send):
        more = True
        while more:
            message = await receive()
            received.append(message.get("body", b""))
            more = message.get("more_body", False)

    async def ask():
        step = max(1, len(content) // pieces)
        chunks = [content[at : at + step] for at in range(0, len(content), step)] or [b""]
        messages = iter(
            {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
            for number, chunk in enumerate(chunks)
        )

        async def receive():
            return next(messages)

        headers = Headers({"content-encoding": encoding}).raw
        await VersionedEndpoint([offer])({"method": "POST", "headers": headers}, receive, None)

    offer = Offer(version="1", namespaces=(), application=application)
    asyncio.run(ask())
    assert b"".join(received) == content
