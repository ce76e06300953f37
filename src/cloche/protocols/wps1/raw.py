"""The one output of a RawDataOutput request, as it is (WPS 1.0.0 clause 10.3, first paragraph)."""

from cloche.model.data import BoundingBoxData, LiteralData, StoredData
from cloche.model.job import Job
from cloche.protocols._http.replies import Reply
from cloche.protocols._ows.data import bounding_box_text
from cloche.protocols._ows.stored import stored_reply
from cloche.service.service import Service

TEXT = "text/plain; charset=utf-8"


def raw_reply(job: Job, service: Service, *, small_bytes: int) -> Reply:
    """The output of a job that succeeded. Raises NoSuchJob, NoSuchOutput when it has just expired."""
    data = job.outputs[0].data
    match data:
        case LiteralData():
            return Reply(media_type=TEXT, segments=(data.value.encode(),))
        case BoundingBoxData():
            return Reply(media_type=TEXT, segments=(bounding_box_text(data).encode(),))
        case StoredData():
            return stored_reply(job.id, data, service, small_bytes=small_bytes)
