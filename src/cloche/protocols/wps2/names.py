"""Namespaces and attributes of WPS 2.0 documents."""

from cloche.protocols._ows.markup import NO_ATTRIBUTES, Attributes, opening

WPS = "http://www.opengis.net/wps/2.0"
OWS = "http://www.opengis.net/ows/2.0"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = "http://schemas.opengis.net/wps/2.0/wps.xsd"
DATATYPES = "http://www.w3.org/2001/XMLSchema#"


def root(tag: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """The start tag of a response."""
    return opening(
        tag,
        {
            "xmlns:wps": WPS,
            "xmlns:ows": OWS,
            "xmlns:xlink": XLINK,
            "xmlns:xsi": XSI,
            "xsi:schemaLocation": f"{WPS} {SCHEMA}",
            **attributes,
        },
    )
