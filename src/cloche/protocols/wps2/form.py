"""What an Execute request may ask of its outputs (clause 9.6.1)."""

from collections import Counter

from cloche.model.domains import ComplexDomain
from cloche.model.errors import NoSuchFormat
from cloche.model.execute import Execute, OutputRequest, Response
from cloche.model.process import ProcessDescription
from cloche.protocols._ows.errors import invalid
from cloche.protocols.wps2.faults import TooManyOutputs

XML_TYPES = ("text/xml", "application/xml")
PLAIN_TYPE = "text/plain"


def check(description: ProcessDescription, request: Execute, *, soap: bool) -> None:
    """Raises OwsError, TooManyOutputs, NoSuchFormat."""
    if soap and request.response is Response.RAW:
        raise invalid("response", "SOAP carries documents: ask for response=document.")
    repeated = [name for name, count in Counter(wanted.id for wanted in request.outputs).items() if count > 1]
    if repeated:
        raise TooManyOutputs(f"Output {repeated[0][:80]} is asked for more than once.", locator=repeated[0])
    for wanted in request.outputs:
        _check_value(description, wanted)


def is_plain(wanted: OutputRequest | None) -> bool:
    """Whether a literal output is wanted as bare text; else it comes as ``wps:LiteralValue``."""
    return wanted is not None and wanted.format is not None and _kind(wanted) == PLAIN_TYPE


def _check_value(description: ProcessDescription, wanted: OutputRequest) -> None:
    """Literals and boxes have formats too here; those of complex data are the service's to check."""
    output = description.output(wanted.id)
    if output is None or isinstance(output.domain, ComplexDomain):
        return
    if _kind(wanted) not in ("", PLAIN_TYPE, *XML_TYPES):
        allowed = ", ".join((PLAIN_TYPE, *XML_TYPES))
        raise NoSuchFormat(
            f"{wanted.id}: {_kind(wanted)[:80]} is not supported. Allowed: {allowed}.", locator=wanted.id
        )


def _kind(wanted: OutputRequest) -> str:
    return wanted.format.media_type.split(";")[0].strip().lower() if wanted.format is not None else ""
