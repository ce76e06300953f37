"""Requests as key-value pairs (OWS Common 1.1 clause 11.2.2)."""

from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from cloche.protocols._ows.errors import invalid


@dataclass(frozen=True, slots=True)
class Kvp:
    """A query string: names folded to lower case, values as they came, still percent-encoded."""

    undecoded: dict[str, str]

    def get(self, name: str) -> str:
        """The decoded value, or an empty text."""
        return unquote_plus(self.undecoded.get(name, ""))

    def raw(self, name: str) -> str:
        """The value before decoding, for grammars whose delimiters may be encoded in it."""
        return self.undecoded.get(name, "")

    def items(self, name: str) -> tuple[str, ...]:
        """A comma-separated list, without empty items. Clients encode its commas or do not; both are separators."""
        return tuple(text for piece in self.get(name).split(",") if (text := piece.strip()))


def parse(query: bytes) -> Kvp:
    """The pairs of a query string; of a name given twice the first non-empty value stands. Never fails."""
    pairs: dict[str, str] = {}
    for pair in query.decode("ascii", errors="replace").split("&"):
        name, _, value = pair.partition("=")
        key = unquote_plus(name).strip().lower()
        if key and not pairs.get(key):
            pairs[key] = value
    return Kvp(pairs)


def check(query: Kvp) -> None:
    """Refuse what is not UTF-8 where it is decoded: clients of other encodings would get other text than they sent.

    Raises OwsError.
    """
    for name, value in query.undecoded.items():
        decoded(name, value)


def decoded(name: str, value: str, *, plus: bool = True) -> str:
    """The value of the parameter ``name``, without its percent-encoding. ``plus``: a plus sign is a space.

    Raises OwsError where it is not UTF-8.
    """
    try:
        return unquote(value.replace("+", " ") if plus else value, errors="strict")
    except UnicodeDecodeError:
        raise invalid(name, f"The parameter '{name}' is not UTF-8 where it is percent-encoded.") from None
