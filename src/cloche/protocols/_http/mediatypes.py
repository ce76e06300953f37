"""Kinds of media types."""

XML_TYPES = frozenset({"text/xml", "application/xml"})
TEXT_TYPES = frozenset(
    {
        "application/csv",
        "application/geojson",
        "application/javascript",
        "application/json",
        "application/toml",
        "application/yaml",
    }
)


def is_xml(kind: str) -> bool:
    """Whether a media type without parameters is XML (RFC 7303)."""
    return kind in XML_TYPES or kind.endswith("+xml")


def is_text(kind: str) -> bool:
    """Whether a media type without parameters is text."""
    return kind.startswith("text/") or kind in TEXT_TYPES or kind.endswith(("+json", "+yaml"))
