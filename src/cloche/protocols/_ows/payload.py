"""The content of one element of data, read to a file: text until a first element makes it XML.

An element may also turn out to hold more of the request's own structure; then it is given back to whoever reads that.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import IO
from xml.parsers import expat

from cloche.model.errors import WrongInputData
from cloche.protocols._http.deposit import Deposit, Spool
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._ows.markup import quote
from cloche.protocols._ows.nodes import Node, Payload
from cloche.protocols._ows.sinks import LAYOUT, Sink, sink

NAME_END = b" \t\r\n/>"
NAME_BYTES = 1 << 12
PACKED = frozenset({"base64", "gzip"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Elements that belong to the request wherever they stand, as expat names them.

    ``go_on`` takes such an element over: the namespaces that it declares, its name and its attributes.
    """

    names: Collection[str]
    go_on: Callable[[Mapping[str, str], str, dict[str, str]], None]


class PayloadReader:
    """Handlers of a parser for the inside of ``node``; ``leave`` is called at its end.

    ``scope`` holds the namespaces that the element stands under. A first element that ``structure`` names is no data:
    it goes on there, and ``leave`` is not called. Raises InputError without locator.
    """

    def __init__(
        self,
        parser: expat.XMLParserType,
        node: Node,
        *,
        scope: Mapping[str, Sequence[str]],
        spool: Spool,
        deposit: Deposit,
        limits: BodyLimits,
        leave: Callable[[Payload], None],
        structure: Structure | None = None,
    ) -> None:
        self._parser = parser
        self._encoding = node.get("encoding")
        self._landmark = node.name.encode()
        self._scope = {prefix: uris[-1] for prefix, uris in scope.items() if uris and uris[-1]}
        self._spool = spool
        self._deposit = deposit
        self._limits = limits
        self._leave = leave
        self._structure = structure
        self._name = ""
        self._file: IO[bytes] | None = None
        self._sink: Sink | None = None
        self._xml_start: int | None = None
        self._verbatim = False
        self._declared: dict[str, str] = {}
        self._depth = 0

    def attach(self) -> None:
        """Listen to the parser in place of whoever did."""
        self._parser.StartNamespaceDeclHandler = self._declare
        self._parser.EndNamespaceDeclHandler = None
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartCdataSectionHandler = self._cdata_begins
        self._parser.EndCdataSectionHandler = self._cdata_ends
        self._watch_elements()

    def may_skim(self, piece: bytes) -> bool:
        """Whether nothing in ``piece`` concerns us but its depth; it must not begin inside a tag or comment."""
        return self._xml_start is not None and not self._verbatim and self._landmark not in piece

    def skim(self, change: int, parse: Callable[[], None]) -> None:
        """Parse without a call for each element; ``change`` is the difference in depth."""
        self._parser.StartElementHandler = None
        self._parser.EndElementHandler = None
        parse()
        self._depth += change
        self._check_depth()
        self._watch_elements()

    def release(self) -> None:
        """Close what is open after an error. Idempotent."""
        if self._file is not None:
            self._file.close()

    def _watch_elements(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def _check_depth(self) -> None:
        if self._depth > self._limits.max_payload_depth:
            raise WrongInputData(f"The XML is nested deeper than {self._limits.max_payload_depth} elements.")

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._declared[prefix or ""] = uri or ""

    def _cdata_begins(self) -> None:
        self._verbatim = True

    def _cdata_ends(self) -> None:
        self._verbatim = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._xml_start is None:
            if self._sink is None and self._structure is not None and name in self._structure.names:
                self._detach()
                self._structure.go_on(self._declared, name, attributes)
                return
            self._becomes_xml()
        self._depth += 1
        self._check_depth()

    def _becomes_xml(self) -> None:
        if self._sink is not None:
            raise WrongInputData("The value mixes text and elements; put it into a CDATA section.")
        if self._encoding.lower() in PACKED:
            raise WrongInputData(f"The value is XML where {self._encoding} was declared.")
        self._xml_start = self._parser.CurrentByteIndex
        self._parser.CharacterDataHandler = None
        self._parser.StartNamespaceDeclHandler = None

    def _characters(self, text: str) -> None:
        if self._sink is None and not self._verbatim and not text.strip(LAYOUT):
            return
        self._text_sink().write(text, verbatim=self._verbatim)

    def _text_sink(self) -> Sink:
        if self._sink is None:
            self._name, self._file = self._deposit.create()
            self._sink = sink(self._encoding, self._deposit, self._file)
        return self._sink

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._depth >= 0:
            return
        self._detach()
        is_xml = self._xml_start is not None
        size = self._text_sink().close() if self._xml_start is None else self._cut(self._xml_start)
        self._leave(Payload(name=self._name, size=size, is_xml=is_xml))

    def _detach(self) -> None:
        self._parser.StartCdataSectionHandler = None
        self._parser.EndCdataSectionHandler = None

    def _cut(self, start: int) -> int:
        """Copy the bytes of the XML; its root tag gets the declarations that it would otherwise lose."""
        end = self._parser.CurrentByteIndex
        self._deposit.check(end - start)
        lost = "".join(
            f' xmlns{":" if prefix else ""}{prefix}="{quote(uri)}"'
            for prefix, uri in self._scope.items()
            if prefix not in self._declared and prefix != "xml"
        ).encode()
        head = self._spool.read(start, NAME_BYTES)
        tag = next((at for at, byte in enumerate(head) if byte in NAME_END), None)
        if tag is None:
            raise WrongInputData(f"The name of the root element is longer than {NAME_BYTES} bytes.")
        self._name, self._file = self._deposit.create()
        with self._file as file:
            file.write(head[:tag] + lost)
            file.flush()
            self._spool.copy(start + tag, end, file.fileno())
        return end - start + len(lost)
