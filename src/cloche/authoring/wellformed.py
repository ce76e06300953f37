"""Whether a file is well-formed XML, to its very end, and free of a document type.

GDAL reads GML with a streaming parser and takes a truncated file for a short one, hence this look beforehand.
"""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from cloche.authoring.errors import WrongData

MAX_DEPTH = 200
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

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        if self.root is None:
            namespace, _, local = name.rpartition(" ")
            self.root = (namespace, local)
            self.begin = self.parser.CurrentByteIndex
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise WrongData(f"XML elements are nested more than {MAX_DEPTH} deep")

    def end(self, _name: str) -> None:
        self.depth -= 1

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or "UTF-8"

    def namespace(self, _prefix: str | None, uri: str | None) -> None:
        if uri:
            self.namespaces.add(uri)


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
