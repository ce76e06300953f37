"""Prepares a job directory for its start."""

import errno
import mimetypes
from dataclasses import replace

from cloche.engine.policy import Policy
from cloche.jobdir.files import write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import TaskRecord
from cloche.model.data import ComplexData, Input, ReferenceData
from cloche.model.errors import ClocheError, DataNotAccessible, NotEnoughStorage, SizeExceeded
from cloche.model.job import Failure, FailureKind, Job
from cloche.ports.executor import Task
from cloche.ports.fetcher import Fetcher

_NO_ROOM = "There is no room left to start the job."


class Unfit(Exception):
    """The job cannot be started; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def stage(job: Job, layout: Layout, fetcher: Fetcher, policy: Policy) -> Task:
    """Fetch references, write ``request.json``, and say what to start. Can be done again. Raises Unfit."""
    inputs = tuple(
        _staged(number, given, job, layout, fetcher, policy) for number, given in enumerate(job.request.inputs)
    )
    record = TaskRecord(
        job=job.id,
        package=job.package,
        process=job.process,
        inputs=inputs,
        outputs=job.request.outputs,
        limits=job.limits,
        language=job.request.language,
    )
    _write(record, layout)
    return Task(
        key=job.id,
        package=job.package,
        jobdir=layout.root,
        limits=job.limits,
        image=policy.image(job.process),
        network=policy.network(job.process),
    )


def _write(record: TaskRecord, layout: Layout) -> None:
    try:
        write_record(layout.request, record)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unfit(Failure(kind=FailureKind.INTERNAL, text=_NO_ROOM)) from error


def _staged(number: int, given: Input, job: Job, layout: Layout, fetcher: Fetcher, policy: Policy) -> Input:
    reference = given.data
    if not isinstance(reference, ReferenceData):
        return given
    name = f"reference-{number}{mimetypes.guess_extension(reference.format.media_type) or ''}"
    path = layout.inputs / name
    try:
        limit = policy.input_bytes(job.process, given.id)
        size = fetcher.fetch(reference, into=path, bodies=layout.inputs, max_bytes=limit)
        path.chmod(0o644)  # the execution may run as another user
    except ClocheError as error:
        raise Unfit(Failure(kind=_kind(error), text=error.text, locator=given.id)) from error
    return replace(given, data=ComplexData(file=name, format=reference.format, size=size))


def _kind(error: ClocheError) -> FailureKind:
    if isinstance(error, DataNotAccessible | SizeExceeded):
        return FailureKind.REFERENCE
    return FailureKind.INTERNAL if isinstance(error, NotEnoughStorage) else FailureKind.INPUT
