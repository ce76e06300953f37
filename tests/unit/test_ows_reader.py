"""The push parser of XML requests: any split, any encoding, bounded depth, verbatim complex data."""

import shutil
from dataclasses import replace
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from cloche.model.errors import InputError, SizeExceeded, WrongInputData
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._ows import reader as reader_module
from cloche.protocols._ows import skim
from cloche.protocols._ows.errors import OwsError
from cloche.protocols._ows.reader import Reader

PAYLOADS = {("Data", "ComplexData"), ("Reference", "Body")}
SMALL = BodyLimits(memory_bytes=64, max_payload_depth=50, max_depth=8, max_nodes=40, max_text=200)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cc", "Cs"]))
NAME = st.sampled_from(["a", "b", "x:c", "ComplexData"])


class Intake:
    def __init__(self, path: Path):
        self.path = path
        path.mkdir()

    def discard(self):
        shutil.rmtree(self.path)


@pytest.fixture
def read(tmp_path):
    """Reads a body in chunks; the root and the files."""
    count = iter(range(10**6))

    def run(body, *, chunk=1 << 20, limits=SMALL, max_bytes=None, charset=""):
        deposit = Deposit(lambda: Intake(tmp_path / str(next(count))), max_bytes=max_bytes)
        reader = Reader(deposit, limits, payloads=PAYLOADS, content_charset=charset)
        try:
            for at in range(0, len(body), chunk):
                reader.feed(body[at : at + chunk])
            root = reader.close()
            folder = deposit.intake.path if deposit.intake else tmp_path / "none"
            return root, {item.name: item.read_bytes() for item in folder.glob("*")}
        finally:
            reader.release()
            deposit.discard()

    return run


def body(content, attributes="", declared='xmlns:w="urn:w" xmlns:x="urn:x"', head=""):
    data = f"<Data><ComplexData {attributes}>{content}</ComplexData></Data>"
    return f"{head}<w:Execute {declared}><Input><Identifier>i</Identifier>{data}</Input><tail>t</tail></w:Execute>"


def only(files):
    (content,) = files.values()
    return content


def test_own_elements_become_nodes(read):
    root, files = read(
        b'<w:E xmlns:w="u" a=" 1 " w:b="2" w:a="3"><c> x<!-- n -->y </c><c/><w:d><![CDATA[<]]></w:d></w:E>'
    )
    assert (root.namespace, root.name, root.get("a"), root.get("b"), root.get("none")) == ("u", "E", "1", "2", "")
    assert [node.text for node in root.all("c")] == ["xy", ""]
    assert root.child_text("d") == "<"
    assert root.first("none") is None
    assert files == {}


@pytest.mark.parametrize("chunk", [1, 3, 64, 1 << 20])
def test_xml_is_copied_verbatim_with_what_it_stood_under(read, chunk):
    content = '<!-- before --><x:a  b=">"\n ><![CDATA[</x:a>]]>&lt;&#65;<x:a/><?pi?> é</x:a ><!-- after -->'
    root, files = read(body(content).encode(), chunk=chunk)
    declared = b' xmlns:w="urn:w" xmlns:x="urn:x"'
    expected = b"<x:a" + declared + content[content.index("  b=") :].encode()
    assert only(files) == expected
    assert root.first("Input").first("Data").first("ComplexData").payload.size == len(expected)
    assert root.child_text("tail") == "t"


def test_declarations_are_given_once_and_as_they_are_in_force(read):
    declared = 'xmlns="urn:d" xmlns:x="urn:outer" xmlns:y="urn:y?a&amp;b"'
    _, files = read(body('<a xmlns:x="urn:inner" y:b="1"/>', 'xmlns:z="urn:z"', declared).replace("w:", "").encode())
    root = etree.fromstring(only(files))
    assert root.tag == "{urn:d}a"
    assert root.nsmap == {None: "urn:d", "x": "urn:inner", "y": "urn:y?a&b", "z": "urn:z"}
    _, files = read(body('<a xmlns=""/>', "", declared).replace("w:", "").encode())
    assert etree.fromstring(only(files)).tag == "a"


def test_scopes_end_with_their_elements(read):
    first = '<Data><ComplexData xmlns:p="urn:p"><p:a/></ComplexData></Data>'
    second = "<Data><ComplexData><b/></ComplexData></Data>"
    _, files = read(f"<E>{first}{second}<Reference><Body><c/></Body></Reference></E>".encode())
    assert sorted(files.values()) == [b"<b/>", b"<c/>", b'<p:a xmlns:p="urn:p"/>']


def test_complex_data_inside_of_complex_data_is_data(read):
    content = "<E><Data><ComplexData><a/></ComplexData></Data><ComplexData/></E>"
    _, files = read(body(content, declared="").replace("w:", "").encode())
    assert only(files) == content.encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("  a &lt;b&gt;\n c ", b"a <b>\n c"),
        (" <![CDATA[ a ]]>\n", b" a "),
        ("<![CDATA[a]]> b <![CDATA[ ]]>", b"a b  "),
        ("<!-- c -->a<?pi?>b", b"ab"),
        (" \n ", b""),
        ("&#xe9;", "é".encode()),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_text_is_decoded_and_its_layout_left_out(read, content, expected, chunk):
    assert only(read(body(content).encode(), chunk=chunk)[1]) == expected


@pytest.mark.parametrize(
    ("codec", "declared"),
    [
        ("utf-8-sig", ""),
        ("utf-8", "utf-8"),
        ("latin-1", "ISO-8859-1"),
        ("cp1252", "windows-1252"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", ""),
        ("utf-16-be", "UTF-16"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_every_encoding_ends_as_utf_8(read, codec, declared, chunk):
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    for content, expected in (("<x:é>ü</x:é>", None), ("ü", "ü".encode())):
        _, files = read(body(content, head=head).encode(codec), chunk=chunk)
        if expected is None:
            assert etree.fromstring(only(files)).text == "ü"
        else:
            assert only(files) == expected


def test_the_content_type_beats_the_declaration(read):
    text = body("ü", head='<?xml version="1.0" encoding="utf-8"?>')
    assert only(read(text.encode("latin-1"), charset="iso-8859-1")[1]) == "ü".encode()


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (body("ü", head='<?xml version="1.0" encoding="utf-7"?>').encode(), ""),
        (body("ü", head='<?xml version="1.0" encoding="rot13"?>').encode(), ""),
        (body("ü").encode("utf-32"), ""),
        (body("ü").encode(), "nonsense"),
        (body("ü").encode("latin-1"), ""),
        (body("ü").encode("utf-16")[:-1], ""),
        (body("ü").encode(), "ascii-nonsense"),
    ],
)
def test_encodings_that_are_not_read(read, content, charset):
    with pytest.raises(OwsError):
        read(content, charset=charset)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<p:a/>",
        b"<a>&undefined;</a>",
        b"<!DOCTYPE a><a/>",
        b"<!DOCTYPE a SYSTEM 'http://h/x.dtd'><a/>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<a>" * 9 + b"</a>" * 9,
        b"<a>" + b"<b/>" * 50 + b"</a>",
        b"<a>" + b"x" * 201 + b"</a>",
        b"<a " + b" ".join(b"a%d='1'" % n for n in range(65)) + b"/>",
        body("<a>").encode(),
        body("<a>&e;</a>").encode(),
        b"\0\1\2",
        b"{}",
    ],
)
def test_what_is_no_acceptable_xml_is_refused(read, content):
    with pytest.raises(OwsError):
        read(content)


@pytest.mark.parametrize("chunk", [100, 1 << 20])
@pytest.mark.parametrize("filler", ["", "<b/>" * 70_000, "<!-- x -->"])
def test_depth_inside_of_complex_data_is_bounded(read, chunk, filler):
    limits = replace(SMALL, max_payload_depth=1000)
    fine = f"<a>{filler}" + "<a>" * 999 + "</a>" * 1000
    assert len(only(read(body(fine).encode(), limits=limits)[1])) > 7000
    with pytest.raises(WrongInputData) as refused:
        read(body(f"<a>{filler}" + "<a>" * 300_000).encode(), limits=limits)
    assert refused.value.locator == "i"


def test_tokens_are_bounded(read):
    limits = replace(SMALL, max_token_bytes=1 << 19)
    for content in (f'<a b="{"x" * (1 << 20)}"/>', f"<!--{'x' * (1 << 20)}-->", f"<{'a' * (1 << 20)}/>"):
        with pytest.raises(OwsError):
            read(body(content).encode(), limits=limits)


def test_sizes_are_bounded_by_input(read):
    for content, attributes in (("<a>12345</a>", ""), ("123456789", ""), ("MTIzNDU2Nzg5", 'encoding="base64"')):
        with pytest.raises(SizeExceeded) as refused:
            read(body(content, attributes).encode(), max_bytes=8)
        assert refused.value.locator == "i"
        read(body(content, attributes).encode(), max_bytes=100)


def test_the_input_at_fault_is_named_in_wps_2_too(read):
    with pytest.raises(InputError) as refused:
        read(b'<E><Input id="two"><Data><ComplexData encoding="base64">*</ComplexData></Data></Input></E>')
    assert refused.value.locator == "two"


def test_much_data_is_skimmed_and_still_verbatim(read, monkeypatch):
    skimmed = []
    real = reader_module.depth_change
    monkeypatch.setattr(reader_module, "depth_change", lambda piece: skimmed.append(real(piece)) or skimmed[-1])
    row = '<x:row n="1/2"><v>a &gt; b</v><w/><u k="z"/>\n</x:row>'
    special = "<x:row><![CDATA[</x:row><<>]]><!-- </x:row> --><?p </x:row>?><v>></v></x:row>"
    content = f"<x:rows>{row * 20_000}{special}{row * 20_000}{special * 3000}</x:rows>"
    _, files = read(body(content).encode(), chunk=1 << 16, limits=BodyLimits())
    assert only(files) == content.replace("<x:rows>", '<x:rows xmlns:w="urn:w" xmlns:x="urn:x">', 1).encode()
    assert sum(change is not None for change in skimmed) > 5
    assert any(change is None for change in skimmed)


# properties


@st.composite
def elements(draw, depth=3):
    name = draw(NAME)
    attribute = f" k={quoteattr(draw(TEXT))}" if draw(st.booleans()) else ""
    children = draw(st.lists(st.one_of(pieces, elements(depth - 1)) if depth else pieces, max_size=4))
    if not children and draw(st.booleans()):
        return f"<{name}{attribute}/>"
    return f"<{name}{attribute}>{''.join(children)}</{name}>"


pieces = st.one_of(
    TEXT.map(escape),
    TEXT.map(lambda text: text.replace("<", "&lt;").replace("&", "&amp;").replace("]]>", "")),
    TEXT.filter(lambda text: "]]>" not in text).map(lambda text: f"<![CDATA[{text}]]>"),
    TEXT.filter(lambda text: "--" not in text and not text.endswith("-")).map(lambda text: f"<!--{text}-->"),
    st.sampled_from(["<?pi </a>?>", ">", "/>", "a/>", "<b/>", "<b>/></b>"]),
)


@given(elements())
def test_depth_is_told_from_bytes_or_not_at_all(xml):
    before, after = f'<r xmlns:x="u">{xml}'.encode(), b"<next>"
    for cut in range(len(b'<r xmlns:x="u">'), len(before) + 1):
        if cut < len(before) and before[cut : cut + 1] != b"<":
            continue
        change = skim.depth_change(before[len(b'<r xmlns:x="u">') : cut])
        if change is not None:
            assert change == _open_elements(before[:cut]) - 1, (before[:cut], after)


def _open_elements(prefix):
    parser, depth = expat.ParserCreate(), [0]
    parser.StartElementHandler = lambda *_: depth.__setitem__(0, depth[0] + 1)
    parser.EndElementHandler = lambda *_: depth.__setitem__(0, depth[0] - 1)
    parser.Parse(prefix, False)
    return depth[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(xml=elements(), chunk=st.integers(1, 50))
def test_any_element_arrives_as_it_was(read, xml, chunk):
    limits = BodyLimits(memory_bytes=32)
    _, files = read(body(xml).encode(), chunk=chunk, limits=limits)
    wrapped = etree.fromstring(
        f'<r xmlns:x="urn:x" xmlns:w="urn:w">{xml}</r>'.encode(), etree.XMLParser(strip_cdata=False)
    )
    assert etree.tostring(etree.fromstring(only(files)), method="c14n") == etree.tostring(wrapped[0], method="c14n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT, chunk=st.integers(1, 50))
def test_any_text_arrives_as_it_was(read, text, chunk):
    assert only(read(body(escape(text)).encode(), chunk=chunk)[1]) == text.strip(" \t\r\n").encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_are_read_or_refused(read, content):
    for whole in (content, b"<a>" + content + b"</a>", body("§").encode().replace("§".encode(), content)):
        try:
            read(whole)
        except (OwsError, InputError):
            continue


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30))
def test_pieces_are_the_stream(chunks, size):
    skim_pieces = skim.Pieces(size)
    found = [piece for chunk in chunks for piece in skim_pieces.feed(chunk)]
    assert b"".join([*found, skim_pieces.close()]) == b"".join(chunks)
    assert all(len(piece) <= size for piece in found)


def _open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_spool_gives_its_room_back(tmp_path):
    before = _open_files()
    deposit = Deposit(lambda: Intake(tmp_path / "intake"))
    reader = Reader(deposit, SMALL, payloads=PAYLOADS)
    reader.feed(body("x" * 5000).encode()[:4000])
    assert _open_files() > before
    reader.release()
    reader.release()
    assert _open_files() == before
    assert deposit.intake is not None
    deposit.discard()
