"""The grammar of ``DataInputs``, ``ResponseDocument`` and ``RawDataOutput`` in KVP (WPS 1.0.0 clause 10.2.2).

``id=value@attribute=value@attribute=value;id2=...``. Values are percent-encoded in the list, and the list again by the
URL; most clients encode once. A list with delimiters in it was encoded once at most: it is taken apart first and its
pieces are decoded. A list without them was encoded as a whole: it is decoded, taken apart, and its pieces are decoded
once more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote_plus

from cloche.protocols._ows import kvp

ATTRIBUTES = frozenset(
    {"asreference", "datatype", "encoding", "format", "href", "method", "mimetype", "schema", "uom", "xlink:href"}
)
DELIMITERS = ";@="


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One element of a list; attribute names in lower case, ``format`` for ``mimetype`` and ``xlink:`` undone."""

    id: str
    value: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """An attribute, or an empty text."""
        return self.attributes.get(name, "")


def parse(name: str, undecoded: str) -> tuple[Item, ...]:
    """The elements of the list ``name`` as it stands in the query string; elements without identifier go.

    Raises OwsError where a piece is not UTF-8.
    """
    decode: Callable[[str], str]
    if any(delimiter in undecoded for delimiter in DELIMITERS):
        pieces, decode = undecoded, partial(kvp.decoded, name)
    else:
        pieces, decode = kvp.decoded(name, undecoded), partial(kvp.decoded, name, plus=False)
    return tuple(item for piece in _unbracketed(pieces).split(";") if (item := _item(piece, decode)).id)


def _unbracketed(text: str) -> str:
    """Without the brackets that version 0.4 had around the list, encoded or not."""
    text = text.strip()
    for opening, closing in (("[", "]"), ("%5B", "%5D"), ("%5b", "%5d")):
        if text.startswith(opening) and text.endswith(closing):
            return text[len(opening) : len(text) - len(closing)]
    return text


def _item(text: str, decode: Callable[[str], str]) -> Item:
    head, *rest = _split_attributes(text)
    name, _, value = head.partition("=")
    pairs = (piece.partition("=") for piece in rest)
    attributes = {_attribute(decode(key)): decode(content) for key, _, content in pairs}
    return Item(id=decode(name).strip(), value=decode(value), attributes=attributes)


def _split_attributes(text: str) -> Iterator[str]:
    """Splits at each ``@`` that begins an attribute; others, as in a mail address, belong to the value."""
    head, *rest = text.split("@")
    for piece in rest:
        name, equals, _ = piece.partition("=")
        if equals and unquote_plus(name).strip().lower() in ATTRIBUTES:
            yield head
            head = piece
        else:
            head = f"{head}@{piece}"
    yield head


def _attribute(name: str) -> str:
    folded = name.strip().lower().removeprefix("xlink:")
    return "mimetype" if folded == "format" else folded
