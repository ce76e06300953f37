"""Where the fuzzer begins: what others have sent, and requests of our own in which everything is right."""

import json
from pathlib import Path

PAIRS = (
    *("text=a", "number=2@uom=feet", "whole=1", "flag=true", "box=1,2,3,4,EPSG:4326", "one/text=b", "many/0/number=3"),
    "data=%3Ca/%3E@mimeType=text/xml",
)
MORE = (
    *("many/number=1", "when=2000-01-02T00:00:00Z", "day=2000-01-02", "time=01:02:03"),
    "data=@href=http%3A%2F%2Fh%2Fx@mimeType=text/xml",
)
EXECUTE = "service=WPS&version=1.0.0&request=Execute&identifier=p&DataInputs="
KVP = (
    f"{EXECUTE}{';'.join(PAIRS)}&ResponseDocument=text;box@uom=x",
    f"{EXECUTE}{';'.join(MORE)}&RawDataOutput=inside/text&status=false",
    "service=WPS&version=2.0.0&request=GetStatus&jobID=x",
)

CORNERS = "<ows:LowerCorner>1 2</ows:LowerCorner><ows:UpperCorner>3 4</ows:UpperCorner>"
W1 = 'xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"'
W2 = 'xmlns:wps="http://www.opengis.net/wps/2.0" xmlns:ows="http://www.opengis.net/ows/2.0"'
LINKS = 'xmlns:xlink="http://www.w3.org/1999/xlink" service="WPS"'


def one(id, data):
    """An input of WPS 1.0.0."""
    return f"<wps:Input><ows:Identifier>{id}</ows:Identifier><wps:Data>{data}</wps:Data></wps:Input>"


def two(id, *content):
    """An input of WPS 2.0."""
    return f'<wps:Input id="{id}">{"".join(content)}</wps:Input>'


XML = (
    f'<wps:Execute {W1} {LINKS} version="1.0.0"><ows:Identifier>p</ows:Identifier><wps:DataInputs>'
    + one("data", '<wps:ComplexData mimeType="image/tiff" encoding="base64">AAAA</wps:ComplexData>')
    + one("box", f'<wps:BoundingBoxData crs="EPSG:4326">{CORNERS}</wps:BoundingBoxData>')
    + one("many/text", "<wps:LiteralData>a</wps:LiteralData>")
    + "</wps:DataInputs><wps:ResponseForm><wps:ResponseDocument lineage='true'><wps:Output asReference='false'>"
    "<ows:Identifier>text</ows:Identifier></wps:Output></wps:ResponseDocument></wps:ResponseForm></wps:Execute>",
    f'<wps:Execute {W2} {LINKS} version="2.0.0" mode="auto" response="document"><ows:Identifier>p</ows:Identifier>'
    + two(
        "one",
        two("text", "<wps:Data>a</wps:Data>"),
        two("whole", "<wps:Data><wps:LiteralValue>2</wps:LiteralValue></wps:Data>"),
    )
    + two("many", two("data", '<wps:Data mimeType="text/xml"><a b="c"><![CDATA[x]]></a></wps:Data>'))
    + two("data", '<wps:Reference xlink:href="http://h/x"><wps:Body><a/></wps:Body></wps:Reference>')
    + two("box", f'<wps:Data><ows:BoundingBox crs="EPSG:4326">{CORNERS}</ows:BoundingBox></wps:Data>')
    + '<wps:Output id="inside"><wps:Output id="text"/></wps:Output></wps:Execute>',
)

BODY = {
    "inputs": {
        "text": ["a", "b"],
        "number": {"measurement": 2.5, "uom": "feet"},
        "whole": 2,
        "flag": True,
        "box": {"bbox": [1, 2, 3, 4], "crs": "EPSG:4326"},
        "data": [
            {"value": "AAAA", "mediaType": "image/tiff", "encoding": "base64"},
            {"href": "http://h/x", "type": "text/xml"},
            {"value": {"a": 1}},
        ],
        "json": {"a": 1, "href": "x"},
        "one": {"text": "a", "whole": 1},
        "many": [{"number": 1}, {"value": {"data": "<a/>"}}],
    },
    "outputs": {"inside": {"transmissionMode": "reference"}, "text": {}},
    "response": "document",
    "subscriber": {"successUri": "http://h/"},
}
QUERY = "?datetime=2024-01-01T00:00:00Z/..&limit=3&status=failed&minDuration=1"
DRAFT = (
    "?text=a,b&number=2&whole=1&flag=true&box=1,2,3,4&box[crs]=EPSG:4326&one={%22text%22:%22a%22}&data[href]=http://h/"
)
JSON = (
    json.dumps(BODY),
    DRAFT + "&text[include]=true&response[f]=text/xml",
    f'{QUERY}\0!respond-async, wait=5; a="b"\0{{"inputs": {{}}}}',
)

OWN = {"kvp": KVP, "xml": XML, "json": JSON}
HEADS = {"kvp": (b"\0", b"\xff"), "xml": (b"\0\xff", b"\xff\xff", b"\0\0"), "json": (b"",)}
"""The bytes that choose version and size of the pieces."""


def seeds(standards: Path, target: str) -> list[bytes]:
    """As ``target`` takes them."""
    sent = [*_corpus(standards / "corpus", target), *(text.encode() for text in OWN[target])]
    return [head + body for body in sent for head in HEADS[target]]


def _corpus(corpus: Path, target: str) -> list[bytes]:
    if target == "json":
        return [path.read_bytes() for path in corpus.glob("ogcapi/**/*.json")]
    if target == "kvp":
        return [path.read_bytes().strip().partition(b"?")[2] for path in corpus.rglob("*.kvp")]
    return [path.read_bytes() for path in corpus.rglob("*.xml") if path.stat().st_size < 20_000]
