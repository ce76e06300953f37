"""Files inside of XML: what user code made must not break the document, nor the server."""

import base64
import gzip
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cloche.model.formats import Format
from cloche.protocols._ows import wellformed
from cloche.protocols._ows.embed import embed
from cloche.protocols._ows.markup import escape, leaf, quote

XML = Format(media_type="text/xml; subtype=gml/3.1.1")
TEXT = Format(media_type="text/csv")


def chunked(content, size):
    return lambda: (content[at : at + size] for at in range(0, len(content), size))


def document(content, format, size=1 << 16):
    """The element that a document would hold, parsed, and the form that was chosen."""
    found = embed(chunked(content, size), format)
    return etree.fromstring(b"<r>" + b"".join(found.chunks()) + b"</r>"), found.encoding


@pytest.mark.parametrize("size", [1, 1 << 16])
@pytest.mark.parametrize(
    "content",
    [
        b"<a/>",
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<a><b c="1"/></a>\n<!-- after -->',
        b'<!DOCTYPE a PUBLIC "p" "http://h/a.dtd"><a>&lt;</a>',
        "<?xml version='1.0' encoding='utf-16'?><a>é</a>".encode("utf-16"),
        "<?xml version='1.0' encoding='iso-8859-15'?><a>€</a>".encode("iso-8859-15"),
    ],
)
def test_documents_become_elements(content, size):
    root, encoding = document(content, XML, size)
    assert ([child.tag for child in root if isinstance(child.tag, str)], encoding) == (["a"], "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        b"<a>",
        b"<a/><b/>",
        b"<p:a/>",
        b"<a>&e;</a>",
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        b"<a>" * 2000 + b"</a>" * 2000,
        b"<a>" * 200_000 + b"</a>" * 200_000,
        b"<a/><!--" + b"x" * (2 << 20) + b"-->",
        b"</r><r>",
    ],
)
def test_what_is_no_document_becomes_text(content):
    root, encoding = document(content, XML)
    assert (len(root), (root.text or "").encode(), encoding) == (0, content, "")


@pytest.mark.parametrize(
    ("content", "format", "encoding"),
    [
        (b"a,b\r\n1,2\r\n", TEXT, ""),
        (b"]]> <![CDATA[", TEXT, ""),
        (b"\x00", TEXT, "base64"),
        ("\ufffe".encode(), TEXT, "base64"),
        (b"\xff", TEXT, "base64"),
        ("é".encode()[:1], TEXT, "base64"),
        (b"\xff\xfe<", XML, "base64"),
        (b"{}", Format(media_type="application/geo+json"), ""),
        (b"{}", Format(media_type="application/octet-stream"), "base64"),
        (b"{}", Format(media_type="application/json", encoding="base64"), "base64"),
        (b"{}", Format(media_type="application/json", encoding="UTF-8"), "UTF-8"),
        (b"GIF89a", Format(media_type="image/gif"), "base64"),
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 16])
def test_everything_arrives_as_it_was(content, format, encoding, size):
    root, chosen = document(content, format, size)
    text = root.text or ""
    assert (base64.b64decode(text) if chosen == "base64" else text.encode(), chosen) == (content, encoding)


def test_gzip_is_packed_and_armoured():
    root, encoding = document(b"x" * 1000, Format(media_type="text/plain", encoding="gzip"))
    assert (gzip.decompress(base64.b64decode(root.text)), encoding) == (b"x" * 1000, "gzip")


def test_a_large_document_is_found_well_formed_without_a_call_for_each_element(monkeypatch):
    row = b"<a><b c='/'/>t</a>"
    calls = []
    real = wellformed._Check._open
    monkeypatch.setattr(wellformed._Check, "_open", lambda *arguments: calls.append(1) or real(*arguments))
    content = b"<!-- x --><r>" + row * 100_000 + b"</r>"
    assert wellformed.root_start(chunked(content, 1 << 16)()) == 10
    assert len(calls) < 100_000
    with pytest.raises(wellformed.Unfit):
        wellformed.root_start(chunked(content[:-4] + b"</s>", 1 << 16)())


@given(st.binary(max_size=200), st.integers(1, 30), st.sampled_from(["text/xml", "text/plain", "image/png"]))
def test_any_bytes_arrive(content, size, media_type):
    found = embed(chunked(content, size), Format(media_type=media_type))
    parser = expat.ParserCreate()
    parser.Parse(b"<r>" + b"".join(found.chunks()) + b"</r>", True)  # never breaks the document around it


@given(st.text())
def test_any_text_can_be_written(text):
    root = etree.fromstring(leaf("r", text, {"a": text}))
    legal = escape(text).count("\ufffd") == text.count("\ufffd")
    assert not legal or ((root.text or ""), root.get("a")) == (text, text)
    assert '"' not in quote(text)
