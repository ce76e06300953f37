"""Refusals as HTTP responses."""

from cloche.protocols._ows.errors import Fault
from cloche.protocols._ows.replies import Reply, xml_reply
from cloche.protocols._ows.reports import OWS_1_1, exception_report
from cloche.protocols._ows.soap import Soap, fault, fault_status


def report(
    reason: Fault, *, language: str, soap: Soap | None = None, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Reply:
    """An ``ows:ExceptionReport``; in an envelope, a fault around it."""
    document = exception_report(reason, OWS_1_1, language=language)
    status = reason.status
    if soap is not None:
        document = fault(soap, document, text=reason.text, status=status)
        status = fault_status(soap, status)
    if reason.retry_after is not None:
        headers = (*headers, (b"retry-after", b"%d" % reason.retry_after))
    return xml_reply([document], status=status, headers=(*headers, (b"cache-control", b"no-store")), soap=soap)
