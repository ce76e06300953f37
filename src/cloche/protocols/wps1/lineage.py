"""What a client asked for, back in the response (WPS 1.0.0 clause 10.3.1, ``lineage``)."""

from collections.abc import Callable, Iterator

from cloche.model.data import BoundingBoxData, ComplexData, Input, LiteralData, ReferenceData
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import Job
from cloche.protocols._http.replies import Stream
from cloche.protocols._ows.data import Part
from cloche.protocols._ows.embed import embed
from cloche.protocols._ows.markup import leaf, node, opening, optional
from cloche.protocols.wps1 import values
from cloche.service.service import Service

XML = Format(media_type="text/xml")


def lineage(job: Job, service: Service, *, small_bytes: int) -> list[Part]:
    """``wps:DataInputs`` and ``wps:OutputDefinitions``; the former only where there are inputs, it may not be empty."""
    parts: list[Part] = []
    if job.request.inputs:
        copies = _Copies(job, service, small_bytes)
        parts = ["<wps:DataInputs>", *(part for item in job.request.inputs for part in copies.input(item))]
        parts.append("</wps:DataInputs>")
    definitions = "".join(_definition(item) for item in job.request.outputs)
    return [*parts, node("wps:OutputDefinitions", definitions)] if definitions else parts


class _Copies:
    def __init__(self, job: Job, service: Service, small_bytes: int) -> None:
        self._job = job
        self._service = service
        self._small_bytes = small_bytes

    def input(self, item: Input) -> list[Part]:
        """One ``wps:Input``."""
        return [f"<wps:Input>{leaf('ows:Identifier', item.id)}", *self._form(item), "</wps:Input>"]

    def _form(self, item: Input) -> tuple[Part, ...]:
        match item.data:
            case LiteralData() as data:
                return (node("wps:Data", values.literal(data)),)
            case BoundingBoxData() as data:
                return (node("wps:Data", values.bounding_box(data)),)
            case ComplexData() as data:
                content = values.complex_data(
                    self._reader(data.file), data.format, size=data.size, small_bytes=self._small_bytes
                )
                return ("<wps:Data>", *content, "</wps:Data>")
            case ReferenceData() as data:
                return self._reference(data)

    def _reference(self, data: ReferenceData) -> tuple[Part, ...]:
        start = opening(
            "wps:Reference",
            {
                "xlink:href": data.href,
                "method": data.method,
                "mimeType": data.format.media_type or None,
                "encoding": data.format.encoding or None,
                "schema": data.format.schema or None,
            },
        )
        headers = "".join(node("wps:Header", attributes={"key": key, "value": value}) for key, value in data.headers)
        body: tuple[Part, ...] = ()
        if data.body is not None:
            body = ("<wps:Body>", Stream(chunks=embed(self._reader(data.body), XML).chunks), "</wps:Body>")
        elif data.body_href is not None:
            body = (node("wps:BodyReference", attributes={"xlink:href": data.body_href}),)
        return (start, headers, *body, "</wps:Reference>")

    def _reader(self, file: str) -> Callable[[], Iterator[bytes]]:
        return lambda: self._service.read_input(self._job.id, file)


def _definition(item: OutputRequest) -> str:
    asked = item.format
    return node(
        "wps:Output",
        leaf("ows:Identifier", item.id),
        optional("ows:Title", item.title),
        optional("ows:Abstract", item.abstract),
        attributes={
            "asReference": "true" if item.as_reference else "false",
            "uom": item.uom or None,
            "mimeType": (asked.media_type if asked else "") or None,
            "encoding": (asked.encoding if asked else "") or None,
            "schema": (asked.schema if asked else "") or None,
        },
    )
