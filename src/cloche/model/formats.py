"""Formats of complex data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A media type with encoding and schema, all three as the standards write them.

    ``encoding`` is empty for plain bytes, or ``base64``, ``gzip``, ``UTF-8``; ``schema`` is a URL or empty.
    """

    media_type: str
    encoding: str = ""
    schema: str = ""
