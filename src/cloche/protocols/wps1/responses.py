"""The Execute response: one document for every state of a job (WPS 1.0.0 clause 10.3)."""

from datetime import UTC, datetime

from cloche.model.data import BoundingBoxData, LiteralData, Output, StoredData
from cloche.model.errors import NoSuchProcess
from cloche.model.execute import OutputRequest
from cloche.model.job import Job
from cloche.model.process import ProcessDescription
from cloche.model.state import State
from cloche.protocols._http.languages import translated
from cloche.protocols._ows.data import Part
from cloche.protocols._ows.markup import leaf, node, optional
from cloche.protocols._ows.reports import OWS_1_1, exception_report
from cloche.protocols.wps1 import faults, names, values
from cloche.protocols.wps1.capabilities import brief
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.lineage import lineage
from cloche.service.service import Service
from cloche.values.literal import typed


class Responses:
    """Renders jobs. Any thread."""

    def __init__(self, service: Service, config: Wps1Config) -> None:
        self._service = service
        self._config = config

    def document(self, job: Job) -> list[Part]:
        """``wps:ExecuteResponse`` as the job is now; large outputs are read when it is sent.

        Raises NoSuchJob, NoSuchOutput when a result has just expired.
        """
        request = job.request
        language = request.language or self._config.languages[0]
        description = self._description(job)
        location = self._config.status_location(job.id) if request.store else None
        start = names.root(
            "wps:ExecuteResponse",
            "wpsExecute_response.xsd",
            language,
            {
                "serviceInstance": f"{self._config.endpoint}?service=WPS&request=GetCapabilities&version=1.0.0",
                "statusLocation": location,
            },
        )
        parts: list[Part] = [start, _process(job, description, language), _status(job, language)]
        if request.lineage:
            parts += lineage(job, self._service, small_bytes=self._config.small_bytes)
        if job.state is State.SUCCEEDED and job.outputs:
            parts += self._outputs(job, description, language)
        return [*parts, "</wps:ExecuteResponse>"]

    def _description(self, job: Job) -> ProcessDescription | None:
        """The process may have been withdrawn since."""
        try:
            return self._service.process(job.process).description
        except NoSuchProcess:
            return None

    def _outputs(self, job: Job, description: ProcessDescription | None, language: str) -> list[Part]:
        wanted = {item.id: item for item in job.request.outputs}
        parts: list[Part] = ["<wps:ProcessOutputs>"]
        for output in job.outputs:
            request = wanted.get(output.id, OutputRequest(id=output.id))
            parts.append(f"<wps:Output>{_head(output.id, description, request, language)}")
            parts += self._output(job, output, request, description)
            parts.append("</wps:Output>")
        return [*parts, "</wps:ProcessOutputs>"]

    def _output(
        self, job: Job, output: Output, request: OutputRequest, description: ProcessDescription | None
    ) -> tuple[Part, ...]:
        match output.data:
            case LiteralData() as data:
                return (node("wps:Data", values.literal(typed(data, output.id, description))),)
            case BoundingBoxData() as data:
                return (node("wps:Data", values.bounding_box(data)),)
            case StoredData(name=name) as data if request.as_reference:
                return (values.reference(self._config.output_location(job.id, name), data.format),)
            case StoredData(name=name) as data:
                content = values.complex_data(
                    lambda: self._service.read_output(job.id, name),
                    data.format,
                    size=data.size,
                    small_bytes=self._config.small_bytes,
                )
                return ("<wps:Data>", *content, "</wps:Data>")


def _process(job: Job, description: ProcessDescription | None, language: str) -> str:
    content = (
        brief(description, language)
        if description is not None
        else leaf("ows:Identifier", job.process) + leaf("ows:Title", job.process)
    )
    return node("wps:Process", content, attributes={"wps:processVersion": job.process_version})


def _head(output: str, description: ProcessDescription | None, request: OutputRequest, language: str) -> str:
    """Title and abstract are the client's own where it gave them."""
    parameter = description.output(output) if description is not None else None
    title, abstract = output, ""
    if parameter is not None:
        title, abstract = translated(parameter.translations, language, parameter.title, parameter.abstract)
    return "".join(
        (
            leaf("ows:Identifier", output),
            leaf("ows:Title", request.title or title),
            optional("ows:Abstract", request.abstract or abstract),
        )
    )


def _status(job: Job, language: str) -> str:
    """Without ``status`` the document does not tell how far an execution is, only that it goes on."""
    percent = str(min(99, max(0, job.progress))) if job.request.status else None
    message = job.message if job.request.status else ""
    match job.state:
        case State.ACCEPTED:
            content = leaf("wps:ProcessAccepted", f"Process {job.process} is accepted and waits to be executed.")
        case State.PAUSED:
            content = leaf("wps:ProcessPaused", message or "Paused.", {"percentCompleted": percent})
        case State.STARTING | State.RUNNING | State.FINISHING:
            text = message or f"Process {job.process} is being executed."
            content = leaf("wps:ProcessStarted", text, {"percentCompleted": percent})
        case State.SUCCEEDED:
            content = leaf("wps:ProcessSucceeded", f"Process {job.process} succeeded.")
        case State.FAILED | State.DISMISSED:
            report = exception_report(faults.failure(job.failure), OWS_1_1, language=language)
            content = node("wps:ProcessFailed", report)
    time = job.finished or datetime.now(UTC)
    return node("wps:Status", content, attributes={"creationTime": f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"})
