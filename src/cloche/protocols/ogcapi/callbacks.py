"""What subscribers are told: results, a status, or why there are no results (clause 13, ``ports.callbacks``)."""

from collections.abc import Iterator

import msgspec

from cloche.model.job import Job
from cloche.model.state import State
from cloche.ports.callbacks import Message
from cloche.protocols._http.replies import Segment
from cloche.protocols.ogcapi import problems
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import JSON, PROBLEM
from cloche.protocols.ogcapi.results import Results
from cloche.protocols.ogcapi.status import status_info
from cloche.service.service import Service


class CallbackMessages:
    """Implements ``ports.callbacks.Messages``."""

    def __init__(self, service: Service, config: OgcApiConfig) -> None:
        self._results = Results(service, config)
        self._config = config

    def message(self, job: Job, state: State) -> Message:
        if state is State.SUCCEEDED:
            return Message(media_type=JSON, chunks=_bytes(self._results.document(job)))
        if state in (State.FAILED, State.DISMISSED):
            body = problems.failure(job.failure).body(self._config.job(job.id))
            return Message(media_type=PROBLEM, chunks=iter((msgspec.json.encode(body),)))
        return Message(media_type=JSON, chunks=iter((msgspec.json.encode(status_info(job, self._config)),)))


def _bytes(segments: Iterator[Segment]) -> Iterator[bytes]:
    for segment in segments:
        if isinstance(segment, bytes):
            yield segment
        else:
            yield from segment.chunks()
