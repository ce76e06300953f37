"""Which supported format a client means (WPS 1.0.0 clause 9.3.1: media type, then encoding and schema where given)."""

from collections.abc import Sequence
from dataclasses import dataclass

from cloche.model.errors import NoSuchFormat
from cloche.model.formats import Format

_WIRE = ("base64",)
"""Encodings of the transport that any format bears: whoever reads the request or writes the response applies them."""
_TEXT = ("", "utf-8", "utf8")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type taken apart; names and types in lower case, ``charset`` left out."""

    essence: str
    parameters: frozenset[tuple[str, str]]


def media_type(text: str) -> MediaType:
    """Takes ``text/xml; subtype=gml/3.1.1`` apart; tolerant of spaces and quotes."""
    essence, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest if part.strip())
    named = {(name.strip().lower(), content.strip().strip('"').lower()) for name, _, content in pairs}
    return MediaType(essence.strip().lower(), frozenset(pair for pair in named if pair[0] != "charset"))


def match(wanted: Format | None, supported: Sequence[Format], locator: str) -> Format:
    """The first supported format that fits what is wanted, as the domain spells it, exact media types first.

    Empty parts of ``wanted`` are not asked for; no media type means any, hence the default where it fits. A wire
    encoding that the format does not name is kept in the answer. Raises NoSuchFormat.
    """
    asked = wanted or Format(media_type="")
    fitting = [known for known in supported if _fits(asked, known)]
    if not fitting:
        allowed = "; ".join(show(known) for known in supported)
        raise NoSuchFormat(f"{locator}: format {show(asked)} is not supported. Allowed: {allowed}.", locator=locator)
    exact = [known for known in fitting if media_type(known.media_type) == media_type(asked.media_type)]
    best = (exact or fitting)[0]
    encoding = asked.encoding.strip().lower()
    return best if encoding not in _WIRE else Format(media_type=best.media_type, encoding=encoding, schema=best.schema)


def show(format: Format) -> str:
    """A format in words for the client."""
    parts = [format.media_type[:200] or "(default)"]
    parts += [f"encoding {format.encoding[:60]}"] if format.encoding else []
    parts += [f"schema {format.schema[:200]}"] if format.schema else []
    return ", ".join(parts)


def _fits(asked: Format, known: Format) -> bool:
    return (
        _fits_type(asked.media_type, known.media_type)
        and _fits_encoding(asked.encoding.strip().lower(), known.encoding.strip().lower())
        and asked.schema.strip() in ("", known.schema)
    )


def _fits_type(asked: str, known: str) -> bool:
    if not asked.strip():
        return True
    wanted, has = media_type(asked), media_type(known)
    return wanted.essence == has.essence and wanted.parameters <= has.parameters


def _fits_encoding(asked: str, known: str) -> bool:
    if not asked or asked == known:
        return True
    return asked in _WIRE or (asked in _TEXT and known in _TEXT)
