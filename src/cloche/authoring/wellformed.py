"""Whether a file is well-formed XML, to its very end, free of a document type, and its coordinates are numbers.

GDAL reads GML with a streaming parser and takes a truncated file for a short one, and a word among the coordinates for
a zero, hence this look beforehand.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from cloche.authoring.errors import WrongData

MAX_DEPTH = 200
_COORDINATES = frozenset({"pos", "posList", "coordinates"})
# elsewhere an element of that name is an attribute of a feature, and may say what it likes
_GEOMETRY = ("http://www.opengis.net/gml", "http://www.opengis.net/kml/", "http://earth.google.com/kml/")
_OWN_SEPARATORS = frozenset({"cs", "ts", "decimal"})  # of gml:coordinates: then anything may stand between the numbers
_NO_NUMBER = re.compile(r"[^\s\d.,+\-eE]+")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlDocument:
    """What is worth knowing of a well-formed document: its root element and every namespace it declares.

    The root element begins ``start`` bytes into the file; ``encoding`` is the declared one, by default UTF-8.
    """

    namespace: str
    name: str
    namespaces: frozenset[str]
    start: int = 0
    encoding: str = "UTF-8"


@dataclass(slots=True, kw_only=True)
class _Scan:
    parser: expat.XMLParserType
    root: tuple[str, str] | None = None
    begin: int = 0
    encoding: str = "UTF-8"
    depth: int = 0
    namespaces: set[str] = field(default_factory=set)
    written: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.root is None:
            namespace, _, local = name.rpartition(" ")
            self.root = (namespace, local)
            self.begin = self.parser.CurrentByteIndex
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise WrongData(f"XML elements are nested more than {MAX_DEPTH} deep")
        if _holds_coordinates(name) and _OWN_SEPARATORS.isdisjoint(attributes):
            self.written = False
            self.parser.CharacterDataHandler = self.coordinates

    def end(self, name: str) -> None:
        self.depth -= 1
        if self.parser.CharacterDataHandler is not None:
            self.parser.CharacterDataHandler = None
            # an empty line is written as an empty list, but there is no position without numbers
            if not self.written and name.rpartition(" ")[2] == "pos":
                raise WrongData(f"line {self.parser.CurrentLineNumber}: a position without coordinates")

    def coordinates(self, text: str) -> None:
        self.written = self.written or not text.isspace()
        if word := _NO_NUMBER.search(text):
            shown = word[0][:20]
            raise WrongData(f"line {self.parser.CurrentLineNumber}: {shown!r} among the coordinates is no number")

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or "UTF-8"

    def namespace(self, _prefix: str | None, uri: str | None) -> None:
        if uri:
            self.namespaces.add(uri)


def _holds_coordinates(name: str) -> bool:
    namespace, _, local = name.rpartition(" ")
    return local in _COORDINATES and namespace.startswith(_GEOMETRY)


def read_xml(path: Path) -> XmlDocument:
    """Parse all of ``path``. Raises WrongData where it is not well-formed, has a DOCTYPE or is nested absurdly."""
    parser = expat.ParserCreate(namespace_separator=" ")
    scan = _Scan(parser=parser)
    parser.XmlDeclHandler = scan.declaration
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.StartNamespaceDeclHandler = scan.namespace
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk, False)  # noqa: FBT003 - expat takes it by position
            parser.Parse(b"", True)  # noqa: FBT003
    except (expat.ExpatError, LookupError, ValueError) as error:  # LookupError, ValueError: an unknown encoding
        raise WrongData(f"it is not well-formed XML: {error}") from None
    namespace, name = scan.root or ("", "")
    return XmlDocument(
        namespace=namespace,
        name=name,
        namespaces=frozenset(scan.namespaces),
        start=scan.begin,
        encoding=scan.encoding,
    )


def _refuse_doctype(*_: object) -> None:
    raise WrongData("a DOCTYPE is not accepted")
