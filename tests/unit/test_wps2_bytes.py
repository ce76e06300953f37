"""WPS 2.0 on values of every kind, there and back, and on bytes of any kind."""

import base64
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from cloche.protocols._ows.markup import ILLEGAL, escape
from wps2_house import NS, House2, data, execute, output
from wps_house import assert_valid

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(lambda text: not ILLEGAL.search(text))
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return House2(tmp_path_factory.mktemp("house"))


def found(answer, id):
    assert answer.status_code == 200, answer.text
    root = etree.fromstring(answer.content)
    return root.find(f"wps:Output[@id='{id}']/wps:Data", NS)


@given(text=TEXT)
@QUICK
def test_any_literal_comes_back(house, text):
    answer = house.post(
        execute(data("text", f"<wps:LiteralValue>{escape(text)}</wps:LiteralValue>"), output("text")).encode()
    )
    assert (found(answer, "text").findtext("wps:LiteralValue", namespaces=NS) or "") == text
    bare = house.post(execute(data("text", escape(text)), output("text")).encode())
    assert (found(bare, "text").findtext("wps:LiteralValue", namespaces=NS) or "") == text.strip(" \t\r\n")


@given(text=TEXT)
@QUICK
def test_any_literal_comes_back_as_plain_text(house, text):
    wanted = output("text", 'mimeType="text/plain"')
    body = data("text", f"<wps:LiteralValue>{escape(text)}</wps:LiteralValue>")
    assert (found(house.post(execute(body, wanted).encode()), "text").text or "") == text
    assert house.post(execute(body, wanted, response="raw").encode()).content.decode() == text


@given(low=st.tuples(NUMBERS, NUMBERS), size=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)))
@QUICK
def test_any_box_comes_back(house, standards, low, size):
    corners = low, tuple(a + b for a, b in zip(low, size, strict=True))
    lower, upper = (" ".join(map(repr, corner)) for corner in corners)
    inside = f"<ows:LowerCorner>{lower}</ows:LowerCorner><ows:UpperCorner>{upper}</ows:UpperCorner>"
    answer = house.post(
        execute(data("box", f'<ows:BoundingBox crs="EPSG:3857">{inside}</ows:BoundingBox>'), output("box"))
    )
    box = found(answer, "box").find("ows:BoundingBox", NS)
    assert tuple(tuple(map(float, corner.text.split())) for corner in box) == corners
    assert_valid(standards, answer.content)


@given(content=st.binary(max_size=200))
@QUICK
def test_any_bytes_come_back(house, content):
    text = base64.b64encode(content).decode()
    body = data("data", text, 'mimeType="image/tiff" encoding="base64"')
    back = found(house.post(execute(body, output("data", 'mimeType="image/tiff"'))), "data")
    assert (back.get("encoding"), base64.b64decode(back.text or "")) == ("base64", content)
    assert house.post(execute(body, output("data", 'mimeType="image/tiff"'), response="raw")).content == content


@given(text=TEXT, name=st.sampled_from(["a", "wps:LiteralValue", "wps:ComplexData", "ows:BoundingBox", "wps:Data"]))
@QUICK
def test_xml_comes_back(house, text, name):
    body = execute(data("data", f"<a><{name}>{escape(text)}</{name}></a>"), output("data"))
    root = found(house.post(body.encode()), "data")[0]
    assert (root.tag, root[0].text or "") == ("a", text)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_an_internal_error(house, data):
    """A good request with some of its bytes changed is answered, or refused in form."""
    whole = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        cut = data.draw(st.integers(0, 12))
        whole[at : at + cut] = data.draw(st.binary(max_size=8) | st.sampled_from(TOKENS))
    for path in ("/wps", "/wps/2.0.0"):
        answer = house.client.post(path, content=bytes(whole))
        assert answer.status_code != 500, (bytes(whole), answer.text)
        etree.fromstring(answer.content)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_document_is_an_internal_error(house, data):
    """A good request whose elements were moved, doubled, removed, renamed or given other values."""
    root = etree.fromstring(GOOD)
    for _ in range(data.draw(st.integers(1, 5))):
        elements = [item for item in root.iter() if isinstance(item.tag, str)]
        one, other = (elements[data.draw(st.integers(0, len(elements) - 1))] for _ in range(2))
        parent = one.getparent()
        match data.draw(st.sampled_from(["remove", "double", "move", "rename", "text", "attribute"])):
            case "remove" if parent is not None:
                parent.remove(one)
            case "double" if parent is not None:
                parent.append(deepcopy(one))
            case "move" if parent is not None and one not in other.iterancestors() and one is not other:
                other.append(one)
            case "rename":
                one.tag = other.tag
            case "text":
                one.text = data.draw(VALUES)
            case "attribute":
                one.set(data.draw(st.sampled_from(ATTRIBUTES)), data.draw(VALUES))
    answer = house.client.post("/wps/2.0.0", content=etree.tostring(root))
    assert answer.status_code != 500, (etree.tostring(root), answer.text)
    etree.fromstring(answer.content)


@given(
    query=st.text(max_size=80),
    name=st.sampled_from(["GetCapabilities", "DescribeProcess", "GetStatus", "GetResult", "Dismiss"]),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_is_an_internal_error(house, query, name):
    for given_ in (query, f"service=WPS&version=2.0.0&request={name}&identifier={query}&JobID={query}&lang={query}"):
        answer = house.client.get("/wps/2.0.0", params=given_.encode("utf-8", "replace").decode())
        assert answer.status_code != 500, (given_, answer.text)
        etree.fromstring(answer.content)


BOX = "<ows:BoundingBox><ows:LowerCorner>1 2</ows:LowerCorner><ows:UpperCorner>3 4</ows:UpperCorner></ows:BoundingBox>"
GOOD = execute(
    data("text", "<wps:LiteralValue>a</wps:LiteralValue>"),
    data("text", "b"),
    data("box", BOX),
    data("data", "<a><b/><!-- c --></a>"),
    data("data", "<wps:ComplexData mimeType='text/plain'>AAEC</wps:ComplexData>"),
    output("text"),
    output("data", 'transmission="reference"'),
).encode()
VALUES = st.sampled_from(
    ["", "sync", "async", "auto", "raw", "document", "text", "base64", "gzip", "text/plain", "x/y", "1 2", "é"]
)
ATTRIBUTES = [
    "id",
    "mode",
    "response",
    "transmission",
    "mimeType",
    "encoding",
    "schema",
    "crs",
    "uom",
    "dataType",
    "version",
]
TOKENS = [
    b"<",
    b">",
    b"</wps:Data>",
    b"<wps:Data>",
    b"<wps:Input id='text'>",
    b"</wps:Input>",
    b"]]>",
    b"<![CDATA[",
    b"&amp;",
    b'"',
]
