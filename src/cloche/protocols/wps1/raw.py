"""The one output of a RawDataOutput request, as it is (WPS 1.0.0 clause 10.3, first paragraph)."""

from cloche.model.data import BoundingBoxData, LiteralData, StoredData
from cloche.model.job import Job
from cloche.protocols._ows import safe
from cloche.protocols._ows.embed import gzipped, in_base64
from cloche.protocols._ows.replies import Reply, Stream
from cloche.protocols.wps1 import values
from cloche.service.service import Service

TEXT = "text/plain; charset=utf-8"


def raw_reply(job: Job, service: Service, *, small_bytes: int) -> Reply:
    """The output of a job that succeeded. Raises NoSuchJob, NoSuchOutput when it has just expired."""
    data = job.outputs[0].data
    match data:
        case LiteralData():
            return Reply(media_type=TEXT, segments=(data.value.encode(),))
        case BoundingBoxData():
            return Reply(media_type=TEXT, segments=(values.bounding_box_text(data).encode(),))
        case StoredData():
            return _stored(job, data, service, small_bytes)


def _stored(job: Job, data: StoredData, service: Service, small_bytes: int) -> Reply:
    encoding = data.format.encoding.lower()
    headers = safe.headers(data.format.media_type, data.name)
    chunks = service.read_output(job.id, data.name)
    size: int | None = data.size
    if encoding == "base64":
        chunks, size = in_base64(chunks), None
        headers = (*headers, (b"content-transfer-encoding", b"base64"))
    elif encoding == "gzip":
        chunks, size = gzipped(chunks), None
        headers = (*headers, (b"content-encoding", b"gzip"))
    small = data.size <= small_bytes
    return Reply(
        media_type=data.format.media_type or "application/octet-stream",
        segments=(b"".join(chunks) if small else Stream(chunks=lambda: chunks),),
        headers=headers,
        size=None if small else size,
    )
