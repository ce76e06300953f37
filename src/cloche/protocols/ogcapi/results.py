"""Results of a job over HTTP: a document, the bytes of one output, several as multipart/related, or links alone.

Clauses 7.11.4 (synchronous execution) and 7.13 (results of a job) say the same of all of them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import msgspec

from cloche.model.data import BoundingBoxData, LiteralData, Output, StoredData
from cloche.model.errors import NoSuchProcess, ResultNotReady
from cloche.model.execute import OutputRequest, Response
from cloche.model.job import Job
from cloche.model.process import SEPARATOR
from cloche.model.state import ENDED, State
from cloche.protocols._http import safe
from cloche.protocols._http.encodings import gzipped, in_base64
from cloche.protocols._http.replies import Reply, Segment, Stream
from cloche.protocols.ogcapi import problems, values
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import JSON
from cloche.protocols.ogcapi.negotiation import quality
from cloche.protocols.ogcapi.problems import Problem, Refused
from cloche.service.service import Service
from cloche.values.literal import typed

TEXT = "text/plain; charset=utf-8"
NO_STORE = ((b"cache-control", b"no-store"),)
_OF_PARTS = frozenset({b"content-disposition", b"content-transfer-encoding", b"content-encoding"})
Pair = tuple[Output, OutputRequest]
Tree = dict[str, "Pair | Tree"]
_TOKEN = re.compile(r"[A-Za-z0-9._+-]+/[A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """``outputs``: of all that were asked for, these (empty: every one). ``headers`` go with a document."""

    outputs: tuple[str, ...] = ()
    large_by_reference: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()


EVERYTHING = Selection()


class Results:
    """Any thread. Every method raises NoSuchJob, NoSuchOutput where the job has just expired."""

    def __init__(self, service: Service, config: OgcApiConfig) -> None:
        self._service = service
        self._config = config

    def check(self, job: Job) -> None:
        """Raises ResultNotReady; Refused with the reason of a job that failed or was dismissed."""
        if job.state not in ENDED:
            raise ResultNotReady(f"Job {job.id} has not ended yet.", locator=job.id)
        if job.state is not State.SUCCEEDED:
            raise Refused(problems.failure(job.failure))

    def reply(self, job: Job, accept: str, selection: Selection = EVERYTHING) -> Reply:
        """As the request that made the job has asked for them. The job has succeeded. Raises Refused."""
        if job.request.response is Response.NONE:
            return Reply(media_type="", segments=(b"",), status=204, headers=NO_STORE)
        found = self._selected(job, selection)
        if job.request.response is Response.DOCUMENT:
            segments = tuple(self._object(job, _tree(found), qualified=True))
            return Reply(media_type=JSON, segments=segments, headers=(*selection.headers, *NO_STORE))
        if all(wanted.as_reference for _, wanted in found):
            return self._links(job, found)
        if job.request.response is Response.RAW:
            return self._bare(job, found[0][0], accept)
        tree = _tree(found)
        (first, *more) = tree.values()
        if isinstance(first, dict) and not more:
            return Reply(media_type=JSON, segments=tuple(self._object(job, first)), headers=NO_STORE)
        return self._parts(job, tree)

    def one(self, job: Job, id: str, accept: str) -> Reply:
        """One output by itself, or those that an output is made of. Raises Refused."""
        found = self._outputs(job)
        for output in found:
            if output.id == id:
                return self._bare(job, output, accept)
        inside = [output for output in found if output.id.startswith(id + SEPARATOR)]
        if inside:
            pairs = [(replace(output, id=output.id[len(id) + 1 :]), OutputRequest(id=output.id)) for output in inside]
            return Reply(media_type=JSON, segments=tuple(self._object(job, _tree(pairs))), headers=NO_STORE)
        raise self._no_output(job)

    def href(self, job: Job, output: Output) -> tuple[str, str]:
        """Where an output is found, and its media type."""
        match output.data:
            case StoredData() as data:
                return self._config.output(job.id, data.name), data.format.media_type
            case BoundingBoxData():
                return self._config.result(job.id, output.id), JSON
            case LiteralData():
                return self._config.result(job.id, output.id), "text/plain"

    def overview(self, job: Job) -> dict[str, Any]:
        """For people: values that are short, links to all others."""
        shown = []
        for output in job.outputs:
            href, kind = self.href(job, output)
            data = output.data
            entry: dict[str, Any] = {"id": output.id, "href": href, "type": kind, "value": None, "size": None}
            if isinstance(data, StoredData):
                entry["size"] = data.size
            elif isinstance(data, LiteralData):
                entry["value"] = f"{data.value} {data.uom}".strip()
            else:
                entry["value"] = msgspec.json.encode(values.bounding_box(data)).decode()
            shown.append(entry)
        return {"outputs": shown, "links": [{"href": self._config.job(job.id), "rel": "up", "title": "The job"}]}

    def _outputs(self, job: Job) -> list[Output]:
        """Literal ones with the data type that the process says, as long as it is published."""
        try:
            process = self._service.process(job.process).description
        except NoSuchProcess:
            return list(job.outputs)
        return [
            replace(output, data=typed(output.data, output.id, process))
            if isinstance(output.data, LiteralData)
            else output
            for output in job.outputs
        ]

    def _pairs(self, job: Job) -> list[Pair]:
        """Outputs with what was asked, in the order asked; optional ones that the process left out are missing."""
        found = {output.id: output for output in self._outputs(job)}
        return [(found[wanted.id], wanted) for wanted in job.request.outputs if wanted.id in found]

    def _selected(self, job: Job, selection: Selection) -> list[Pair]:
        """Raises Refused where an output is selected that there is not."""
        found = self._pairs(job)
        if selection.outputs:
            known = {output.id.partition(SEPARATOR)[0] for output, _ in found}
            for name in selection.outputs:
                if name not in known:
                    raise self._no_output(job)
            found = [pair for pair in found if pair[0].id.partition(SEPARATOR)[0] in selection.outputs]
        if not selection.large_by_reference:
            return found
        return [(o, replace(w, as_reference=True)) if self._is_large(o) else (o, w) for o, w in found]

    def _is_large(self, output: Output) -> bool:
        return isinstance(output.data, StoredData) and output.data.size > self._config.small_bytes

    def _no_output(self, job: Job) -> Refused:
        text = f"Job {job.id} has no result of that name."
        return Refused(Problem(status=404, detail=text, draft_type=problems.NO_SUCH_OUTPUT))

    def document(self, job: Job) -> Iterator[Segment]:
        """``results.yaml``: an object can only be a qualified value there."""
        return self._object(job, _tree(self._pairs(job)), qualified=True)

    def _object(self, job: Job, tree: Tree, *, qualified: bool = False) -> Iterator[Segment]:
        yield b"{"
        for number, (name, found) in enumerate(tree.items()):
            yield (b"," if number else b"") + msgspec.json.encode(name) + b":"
            if not isinstance(found, dict):
                yield from self._value(job, *found)
            elif qualified:
                yield b'{"value":'
                yield from self._object(job, found)
                yield b"}"
            else:
                yield from self._object(job, found)
        yield b"}"

    def _value(self, job: Job, output: Output, wanted: OutputRequest) -> list[Segment]:
        if wanted.as_reference:
            href, kind = self.href(job, output)
            link = {"href": href} | ({"rel": "item"} if self._config.draft else {}) | ({"type": kind} if kind else {})
            return [msgspec.json.encode(link)]
        match output.data:
            case LiteralData() as data:
                return [msgspec.json.encode(values.literal(data))]
            case BoundingBoxData() as data:
                return [msgspec.json.encode(values.box_result(data))]
            case StoredData(name=name) as data:
                return values.stored(
                    lambda: self._service.read_output(job.id, name), data, small_bytes=self._config.small_bytes
                )

    def _links(self, job: Job, found: list[Pair]) -> Reply:
        """/req/core/process-execute-sync-raw-ref: no content, a link for each output."""
        headers = []
        for output, _ in found:
            href, kind = self.href(job, output)
            said = f'; type="{kind}"' if _TOKEN.match(kind) and '"' not in kind else ""
            headers.append((b"link", f'<{href}>; rel="item"; title="{_plain(output.id)}"{said}'.encode()))
        return Reply(media_type="", segments=(b"",), status=204, headers=(*headers, *NO_STORE))

    def _bare(self, job: Job, output: Output, accept: str) -> Reply:
        kind, segment, size, headers = self._content(job, output, accept)
        return Reply(media_type=kind, segments=(segment,), size=size, headers=(*headers, *NO_STORE))

    def _parts(self, job: Job, tree: Tree) -> Reply:
        boundary = uuid4().hex
        segments: list[Segment] = []
        first = ""
        for name, found in tree.items():
            if isinstance(found, dict):
                kind, content = JSON, list(self._object(job, found))
                lines: list[str] = []
            else:
                kind, lines, content = self._part(job, *found)
            first = first or kind.partition(";")[0]
            head = [f"--{boundary}", f"Content-ID: {_plain(name)}", *lines, f"Content-Type: {kind}", "", ""]
            segments += ["\r\n".join(head).encode(), *content, b"\r\n"]
        segments.append(f"--{boundary}--\r\n".encode())
        kind = f'multipart/related; type="{first}"; boundary={boundary}'
        return Reply(media_type=kind, segments=tuple(segments), headers=NO_STORE)

    def _part(self, job: Job, output: Output, wanted: OutputRequest) -> tuple[str, list[str], list[Segment]]:
        """Media type, further header lines, and content."""
        if wanted.as_reference:
            href, kind = self.href(job, output)
            return kind, [f"Content-Location: {href}"], []
        kind, content, _, headers = self._content(job, output, "")
        lines = [f"{key.decode().title()}: {value.decode()}" for key, value in headers if key in _OF_PARTS]
        return kind, lines, [content]

    def _content(
        self, job: Job, output: Output, accept: str
    ) -> tuple[str, Segment, int | None, tuple[tuple[bytes, bytes], ...]]:
        """Media type, bytes, size if it is known of a stream, headers."""
        match output.data:
            case LiteralData() as data:
                if quality(accept, JSON) > quality(accept, "text/plain"):
                    return JSON, msgspec.json.encode(values.scalar(data)), None, ()
                return TEXT, data.value.encode(), None, ()
            case BoundingBoxData() as data:
                return JSON, msgspec.json.encode(values.bounding_box(data)), None, ()
            case StoredData() as data:
                return self._file(job, data)

    def _file(self, job: Job, data: StoredData) -> tuple[str, Segment, int | None, tuple[tuple[bytes, bytes], ...]]:
        encoding = data.format.encoding.lower()
        headers = safe.headers(data.format.media_type, data.name)
        chunks = self._service.read_output(job.id, data.name)
        size: int | None = data.size
        if encoding == "base64":
            chunks, size = in_base64(chunks), None
            headers = (*headers, (b"content-transfer-encoding", b"base64"))
        elif encoding == "gzip":
            chunks, size = gzipped(chunks), None
            headers = (*headers, (b"content-encoding", b"gzip"))
        kind = data.format.media_type or "application/octet-stream"
        if data.size <= self._config.small_bytes:
            return kind, b"".join(chunks), None, headers
        return kind, Stream(chunks=lambda: chunks), size, headers


def _tree(pairs: Iterable[Pair]) -> Tree:
    """Outputs that are in others, inside of them."""
    root: Tree = {}
    for pair in pairs:
        *around, own = pair[0].id.split(SEPARATOR)
        branch = root
        for step in around:
            inner = branch.setdefault(step, {})
            assert isinstance(inner, dict)  # no identifier is both: descriptions tell them apart
            branch = inner
        branch[own] = pair
    return root


def _plain(id: str) -> str:
    """An identifier fit for a header."""
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\<>' else "_" for c in id)
