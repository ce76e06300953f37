"""Exception reports (OWS Common 1.1 clause 8, 2.0 clause 8)."""

from dataclasses import dataclass

from cloche.protocols._http.replies import Reply
from cloche.protocols._ows.errors import Fault
from cloche.protocols._ows.markup import leaf, node
from cloche.protocols._ows.replies import xml_reply
from cloche.protocols._ows.soap import Soap, fault_status
from cloche.protocols._ows.soap import fault as soap_fault


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


def report(
    reason: Fault,
    dialect: Dialect,
    *,
    language: str,
    soap: Soap | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Reply:
    """An exception report as an HTTP response; in an envelope, a fault around it."""
    document = exception_report(reason, dialect, language=language)
    status = reason.status
    if soap is not None:
        document = soap_fault(soap, document, text=reason.text, status=status)
        status = fault_status(soap, status)
    if reason.retry_after is not None:
        headers = (*headers, (b"retry-after", b"%d" % reason.retry_after))
    return xml_reply([document], status=status, headers=(*headers, (b"cache-control", b"no-store")), soap=soap)
