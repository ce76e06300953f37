"""Exception reports (OWS Common 1.1 clause 8, 2.0 clause 8)."""

from dataclasses import dataclass

from cloche.protocols._ows.errors import Fault
from cloche.protocols._ows.markup import leaf, node


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The OWS Common that a protocol version speaks."""

    namespace: str
    version: str


OWS_1_1 = Dialect(namespace="http://www.opengis.net/ows/1.1", version="1.1.0")
OWS_2_0 = Dialect(namespace="http://www.opengis.net/ows/2.0", version="2.0.0")


def exception_report(fault: Fault, dialect: Dialect, *, language: str = "") -> str:
    """``ows:ExceptionReport`` with one exception, as an element that declares its own namespace."""
    return node(
        "ows:ExceptionReport",
        node(
            "ows:Exception",
            leaf("ows:ExceptionText", fault.text),
            attributes={"exceptionCode": fault.code, "locator": fault.locator or None},
        ),
        attributes={"xmlns:ows": dialect.namespace, "version": dialect.version, "xml:lang": language or None},
    )
