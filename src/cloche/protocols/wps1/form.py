"""What the response form of an Execute request allows (WPS 1.0.0 clause 10.2.2.4)."""

from cloche.model.domains import ComplexDomain
from cloche.model.errors import StorageNotSupported
from cloche.model.execute import Execute, Response
from cloche.model.process import JobControl, ProcessDescription
from cloche.protocols._ows.errors import invalid


def check(description: ProcessDescription, request: Execute, *, soap: bool) -> None:
    """Raises OwsError, StorageNotSupported where the request's flags cannot go together with the process."""
    if soap and request.response is Response.RAW:
        raise invalid("RawDataOutput", "SOAP carries documents: ask for a ResponseDocument.")
    if request.status and not request.store:
        raise invalid("status", "status needs storeExecuteResponse: else there is no document to keep up to date.")
    if request.store and not stores(description):
        text = f"Process {description.id} does not store its response: its results come at once."
        raise StorageNotSupported(text, locator="storeExecuteResponse")
    if not request.store and JobControl.SYNC not in description.job_control:
        text = f"Process {description.id} takes its time: it needs storeExecuteResponse=true."
        raise invalid("storeExecuteResponse", text)
    _check_references(description, request)


def stores(description: ProcessDescription) -> bool:
    """Whether the response can be stored and its status followed: ``storeSupported`` and ``statusSupported``."""
    return JobControl.ASYNC in description.job_control


def _check_references(description: ProcessDescription, request: Execute) -> None:
    """Only complex outputs have an address here (clause 10.3)."""
    for wanted in request.outputs:
        output = description.output(wanted.id)
        if wanted.as_reference and output is not None and not isinstance(output.domain, ComplexDomain):
            raise invalid(wanted.id, f"Output {wanted.id} is not complex data: it cannot be had by reference.")
