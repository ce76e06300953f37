"""What an execution gave: ``wps:Result``, or the one output of a raw response as it is (clauses 9.6.3 and 9.9)."""

from dataclasses import replace

from cloche.model.data import BoundingBoxData, LiteralData, Output, StoredData
from cloche.model.errors import NoSuchOutput, NoSuchProcess
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import Job
from cloche.model.process import SEPARATOR, ProcessDescription
from cloche.protocols._http.replies import Reply
from cloche.protocols._ows import data as markup
from cloche.protocols._ows.data import Part, bounding_box_text, format_attributes, plain_encoding
from cloche.protocols._ows.markup import escape, leaf, node, opening
from cloche.protocols._ows.replies import xml_reply
from cloche.protocols._ows.soap import Soap
from cloche.protocols._ows.stored import stored_reply
from cloche.protocols.wps2 import names
from cloche.protocols.wps2.config import Wps2Config
from cloche.protocols.wps2.form import PLAIN_TYPE, is_plain
from cloche.protocols.wps2.status import moment
from cloche.service.service import Service
from cloche.values.literal import typed

XML_TYPE = "text/xml"
NO_STORE = ((b"cache-control", b"no-store"),)


class Results:
    """Renders jobs that have succeeded. Any thread. Raises NoSuchJob, NoSuchOutput where a result has just expired."""

    def __init__(self, service: Service, config: Wps2Config) -> None:
        self._service = service
        self._config = config

    def document(self, job: Job, soap: Soap | None = None) -> Reply:
        """``wps:Result``; large outputs are read when it is sent."""
        wanted = {item.id: item for item in job.request.outputs}
        expires = leaf("wps:ExpirationDate", moment(job.expires)) if job.expires is not None else ""
        description = self._description(job)
        parts: list[Part] = [names.root("wps:Result"), leaf("wps:JobID", job.id), expires]
        for output in job.outputs:
            # the schema has at most one output inside of an output: each that gives data comes with all around it
            steps = output.id.split(SEPARATOR)
            parts.append("".join(opening("wps:Output", {"id": step}) for step in steps))
            parts += self._output(job, _known(output, description), wanted.get(output.id, OutputRequest(id=output.id)))
            parts.append("</wps:Output>" * len(steps))
        return xml_reply([*parts, "</wps:Result>"], headers=NO_STORE, soap=soap)

    def raw(self, job: Job) -> Reply:
        """The one output that was asked for."""
        return self.single(job, job.request.outputs[0].id)

    def single(self, job: Job, id: str) -> Reply:
        """One output in the format that was asked for. Raises NoSuchOutput."""
        output = next((item for item in job.outputs if item.id == id), None)
        if output is None:
            raise NoSuchOutput(f"Job {job.id} has no output of that name.", locator=id)
        output = _known(output, self._description(job))
        plain = is_plain(next((item for item in job.request.outputs if item.id == id), None))
        match output.data:
            case StoredData() as data:
                return stored_reply(job.id, data, self._service, small_bytes=self._config.small_bytes)
            case LiteralData() as data:
                return _text(data.value) if plain else xml_reply([_literal(data, root=True)], headers=NO_STORE)
            case BoundingBoxData() as data:
                return _text(bounding_box_text(data)) if plain else xml_reply([_box_document(data)], headers=NO_STORE)

    def _description(self, job: Job) -> ProcessDescription | None:
        """The process may have been withdrawn since."""
        try:
            return self._service.process(job.process).description
        except NoSuchProcess:
            return None

    def _output(self, job: Job, output: Output, wanted: OutputRequest) -> tuple[Part, ...]:
        match output.data:
            case StoredData(name=name) as data:
                if wanted.as_reference:
                    return (_reference(self._config.stored_location(job.id, name), data.format),)
                return markup.complex_data(
                    "wps:Data",
                    lambda: self._service.read_output(job.id, name),
                    data.format,
                    size=data.size,
                    small_bytes=self._config.small_bytes,
                )
            case LiteralData() | BoundingBoxData() as data:
                plain = is_plain(wanted)
                media_type = PLAIN_TYPE if plain else XML_TYPE
                if wanted.as_reference:
                    location = self._config.value_location(job.id, output.id)
                    return (_reference(location, Format(media_type=media_type)),)
                content = _as_text(data) if plain else _as_xml(data)
                return (opening("wps:Data", {"mimeType": media_type}), content, "</wps:Data>")


def _known(output: Output, description: ProcessDescription | None) -> Output:
    data = output.data
    return replace(output, data=typed(data, output.id, description)) if isinstance(data, LiteralData) else output


def _as_text(data: LiteralData | BoundingBoxData) -> str:
    return escape(data.value if isinstance(data, LiteralData) else bounding_box_text(data))


def _as_xml(data: LiteralData | BoundingBoxData) -> str:
    return _literal(data) if isinstance(data, LiteralData) else markup.bounding_box("ows:BoundingBox", data)


def _literal(data: LiteralData, *, root: bool = False) -> str:
    declared = {"xmlns:wps": names.WPS} if root else {}
    datatype = f"{names.DATATYPES}{data.datatype}" if data.datatype else None
    return leaf("wps:LiteralValue", data.value, {**declared, "dataType": datatype, "uom": data.uom or None})


def _box_document(data: BoundingBoxData) -> str:
    return markup.bounding_box("ows:BoundingBox", data).replace(
        "<ows:BoundingBox", f'<ows:BoundingBox xmlns:ows="{names.OWS}"', 1
    )


def _text(value: str) -> Reply:
    return Reply(media_type=f"{PLAIN_TYPE}; charset=utf-8", segments=(value.encode(),), headers=NO_STORE)


def _reference(href: str, format: Format) -> str:
    """What lies there is not encoded."""
    return node("wps:Reference", attributes={"xlink:href": href, **format_attributes(format, plain_encoding(format))})
