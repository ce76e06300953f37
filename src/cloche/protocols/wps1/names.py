"""Namespaces and attributes that every WPS 1.0.0 document has."""

from cloche.protocols._ows.markup import Attributes, opening
from cloche.protocols.wps1.requests import VERSION

WPS = "http://www.opengis.net/wps/1.0.0"
OWS = "http://www.opengis.net/ows/1.1"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMAS = "http://schemas.opengis.net/wps/1.0.0"


def root(tag: str, schema: str, language: str, attributes: Attributes) -> str:
    """The start tag of a response; ``schema`` is a file name in the standard's schemas."""
    return opening(
        tag,
        {
            "xmlns:wps": WPS,
            "xmlns:ows": OWS,
            "xmlns:xlink": XLINK,
            "xmlns:xsi": XSI,
            "xsi:schemaLocation": f"{WPS} {SCHEMAS}/{schema}",
            "service": "WPS",
            "version": VERSION,
            "xml:lang": language,
            **attributes,
        },
    )
