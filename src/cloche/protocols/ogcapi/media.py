"""Kinds of media types: what JSON can hold as itself, as text, or in base64 alone."""

from cloche.protocols._http.mediatypes import is_text, is_xml

WIRE = frozenset({"base64", "gzip"})


def essence(media_type: str) -> str:
    """Without parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether a value of it can stand in a JSON document as it is."""
    kind = essence(media_type)
    return kind.endswith(("/json", "+json")) or kind == "application/geojson"


def is_binary(media_type: str) -> bool:
    """Whether it is neither JSON nor text."""
    kind = essence(media_type)
    return not (is_json(kind) or is_text(kind) or is_xml(kind))
