"""SOAP 1.1 and 1.2 envelopes (WPS 1.0.0 annex; OWS Common 1.1 clause 11.7): unwrapped on the way in, wrapped out."""

from dataclasses import dataclass

from cloche.protocols._ows.errors import malformed
from cloche.protocols._ows.markup import leaf, node
from cloche.protocols._ows.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Soap:
    """A version of SOAP."""

    namespace: str
    media_type: str

    @property
    def opening(self) -> str:
        """What stands before the content of the body."""
        return f'<soap:Envelope xmlns:soap="{self.namespace}"><soap:Body>'

    @property
    def closing(self) -> str:
        """What stands after it."""
        return "</soap:Body></soap:Envelope>"


SOAP_1_1 = Soap(namespace="http://schemas.xmlsoap.org/soap/envelope/", media_type="text/xml")
SOAP_1_2 = Soap(namespace="http://www.w3.org/2003/05/soap-envelope", media_type="application/soap+xml")
VERSIONS = {soap.namespace: soap for soap in (SOAP_1_1, SOAP_1_2)}


def unwrap(root: Node) -> tuple[Node, Soap | None]:
    """The request's root and the envelope that it came in, if any. Raises OwsError for an envelope without content."""
    if root.name != "Envelope" or root.namespace not in VERSIONS:
        return root, None
    body = root.first("Body")
    if body is None or not body.children:
        raise malformed("The SOAP envelope has no request in its Body.")
    return body.children[0], VERSIONS[root.namespace]


def fault(soap: Soap, report: str, *, text: str, status: int) -> str:
    """A fault with an exception report in its detail. The fault is the client's below 500."""
    client = status < 500
    if soap is SOAP_1_1:
        return node(
            "soap:Fault",
            leaf("faultcode", "soap:Client" if client else "soap:Server"),
            leaf("faultstring", text),
            node("detail", report),
        )
    return node(
        "soap:Fault",
        node("soap:Code", leaf("soap:Value", "soap:Sender" if client else "soap:Receiver")),
        node("soap:Reason", leaf("soap:Text", text, {"xml:lang": "en"})),
        node("soap:Detail", report),
    )


def fault_status(soap: Soap, status: int) -> int:
    """The HTTP status of a fault: always 500 in SOAP 1.1 (clause 6.2); 400 or 500 in 1.2 (part 2, Table 20)."""
    if status == 503:
        return status  # clients and proxies know what to do with it
    return 500 if soap is SOAP_1_1 or status >= 500 else 400
