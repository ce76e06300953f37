"""Reads an XML request as its bytes arrive: its own elements into nodes, complex data into files.

One pass of expat. XML in complex data is found by byte offset and copied verbatim, with the namespace declarations
that it stands under; text is written as expat decodes it. Memory does not grow with the data.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NoReturn
from xml.parsers import expat

from cloche.model.errors import InputError
from cloche.protocols._http.deposit import Deposit, Spool
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._ows import charset
from cloche.protocols._ows.errors import Code, OwsError, malformed
from cloche.protocols._ows.nodes import Node, Payload
from cloche.protocols._ows.payload import PayloadReader, Structure
from cloche.protocols._ows.skim import Pieces, depth_change

HEAD_BYTES = 1024
TEXT_BUFFER = 1 << 16


class Reader:
    """Push parser: ``feed`` the body, then ``close`` for the root. Any thread, one at a time.

    ``payloads`` names the elements whose content goes to a file, as (parent, element) local names; where that content
    is an element that ``structural`` names (``namespace}name``), it is part of the request and becomes a node.
    Raises OwsError for what is no acceptable XML, and InputError with the input's identifier for its data.
    """

    def __init__(
        self,
        deposit: Deposit,
        limits: BodyLimits,
        *,
        payloads: Collection[tuple[str, str]],
        structural: Collection[str] = (),
        content_charset: str = "",
    ) -> None:
        self._deposit = deposit
        self._limits = limits
        self._structural = structural
        self._charset = content_charset
        self._spool = Spool(deposit, memory_bytes=limits.memory_bytes)
        self._head = b""
        self._recode: charset.ToUtf8 | None = None
        self._pieces = Pieces()
        self._fed = 0
        self._settled = True
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator="}")
        self._payload: PayloadReader | None = None
        self._structure = _Structure(self._parser, limits, payloads, self._enter)

    def feed(self, data: bytes) -> None:
        """The next bytes of the body."""
        if self._recode is None:
            self._head += data
            if len(self._head) < HEAD_BYTES:
                return
            self._begin()
        else:
            self._take(self._recode.feed(data))

    def close(self) -> Node:
        """The root element, once the body is complete."""
        recode = self._recode or self._begin()
        self._take(recode.feed(b"", final=True))
        self._parse(self._pieces.close())
        self._run(b"", final=True)
        assert self._structure.root is not None
        return self._structure.root

    def release(self) -> None:
        """Give the room of the body back. Idempotent."""
        self._spool.close()
        if self._payload is not None:
            self._payload.release()

    def _begin(self) -> charset.ToUtf8:
        if not self._head.strip():
            raise OwsError(Code.MISSING, "The request has no body.", locator="request")
        self._recode = charset.ToUtf8(charset.detect(self._head, charset=self._charset))
        self._take(self._recode.feed(self._head))
        self._head = b""
        return self._recode

    def _take(self, data: bytes) -> None:
        self._spool.write(data)
        for piece in self._pieces.feed(data):
            self._parse(piece)

    def _parse(self, piece: bytes) -> None:
        payload = self._payload
        change = None
        if payload is not None and self._settled and payload.may_skim(piece):
            change = depth_change(piece)
        run = partial(self._run, piece)
        if payload is None or change is None:
            run()
        else:
            self._locate(partial(payload.skim, change, run))
        self._fed += len(piece)
        pending = self._fed - self._parser.CurrentByteIndex
        if pending > self._limits.max_token_bytes:
            raise malformed("A tag or a comment in the request is too long.")
        self._settled = pending == 0

    def _run(self, piece: bytes, *, final: bool = False) -> None:
        try:
            self._locate(partial(self._parser.Parse, piece, final))
        except expat.ExpatError as error:
            raise malformed(f"The request is not well-formed XML: {error}.") from None

    def _locate(self, step: Callable[[], object]) -> None:
        try:
            step()
        except InputError as error:
            error.locator = error.locator or _identifier(self._structure.stack)
            raise

    def _enter(self, node: Node) -> None:
        self._payload = PayloadReader(
            self._parser,
            node,
            scope=self._structure.scope,
            spool=self._spool,
            deposit=self._deposit,
            limits=self._limits,
            leave=self._leave,
            structure=Structure(names=self._structural, go_on=self._take_back),
        )
        self._payload.attach()

    def _leave(self, payload: Payload) -> None:
        self._payload = None
        self._structure.resume(payload)

    def _take_back(self, declared: Mapping[str, str], name: str, attributes: dict[str, str]) -> None:
        self._payload = None
        self._structure.go_on(declared, name, attributes)


class _Structure:
    """The request's own elements; ``enter`` is called when one opens whose content is data."""

    def __init__(
        self,
        parser: expat.XMLParserType,
        limits: BodyLimits,
        payloads: Collection[tuple[str, str]],
        enter: Callable[[Node], None],
    ) -> None:
        self._parser = parser
        self._limits = limits
        self._payloads = payloads
        self._enter = enter
        self._nodes = 0
        self._characters = 0
        self.root: Node | None = None
        self.stack: list[Node] = []
        self.scope: dict[str, list[str]] = {}
        parser.buffer_text = True
        parser.buffer_size = TEXT_BUFFER
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.EntityDeclHandler = _no_doctype
        self._attach()

    def resume(self, payload: Payload) -> None:
        """Go on after complex data."""
        self.stack.pop().payload = payload
        self._attach()

    def go_on(self, declared: Mapping[str, str], name: str, attributes: dict[str, str]) -> None:
        """Read an element after all that was taken for data: its name, attributes and namespaces are known."""
        self._attach()
        for prefix, uri in declared.items():
            self._declare(prefix, uri)
        self._start(name, attributes)

    def _attach(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartNamespaceDeclHandler = self._declare
        self._parser.EndNamespaceDeclHandler = self._undeclare

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        limits = self._limits
        self._nodes += 1
        if len(self.stack) >= limits.max_depth or self._nodes > limits.max_nodes:
            raise malformed("The request has too many elements, or they are nested too deeply.")
        if len(attributes) > limits.max_attributes:
            raise malformed(f"An element of the request has more than {limits.max_attributes} attributes.")
        namespace, _, local = name.rpartition("}")
        node = Node(namespace, local, _by_local_name(attributes))
        parent = self.stack[-1] if self.stack else None
        self.stack.append(node)
        if parent is None:
            self.root = node
            return
        parent.children.append(node)
        if (parent.name, local) in self._payloads:
            self._enter(node)

    def _end(self, _name: str) -> None:
        self.stack.pop()

    def _text(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > self._limits.max_text:
            raise malformed("The literal values of the request are too long: send them as complex data.")
        self.stack[-1].pieces.append(text)

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self.scope.setdefault(prefix or "", []).append(uri or "")

    def _undeclare(self, prefix: str | None) -> None:
        self.scope[prefix or ""].pop()


def _no_doctype(*_details: object) -> NoReturn:
    raise malformed("A document type declaration is not accepted: remove the DOCTYPE from the request.")


def _by_local_name(attributes: dict[str, str]) -> dict[str, str]:
    """Clients qualify attributes that are not, and the other way round; where both are given the bare one stands."""
    if not any("}" in name for name in attributes):
        return attributes
    qualified = {name.rpartition("}")[2]: value for name, value in attributes.items() if "}" in name}
    return qualified | {name: value for name, value in attributes.items() if "}" not in name}


def _identifier(stack: Sequence[Node]) -> str:
    """The identifier of the input that is being read (WPS 1.0.0: a child; WPS 2.0: an attribute)."""
    node = next((item for item in reversed(stack) if item.name == "Input"), None)
    return (node.child_text("Identifier") or node.get("id")) if node is not None else ""
