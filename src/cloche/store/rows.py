"""Rows to jobs and back."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from cloche.model.codec import decode, dump
from cloche.model.data import Output
from cloche.model.execute import Execute
from cloche.model.job import Event, Failure, Job, Usage
from cloche.model.limits import Limits
from cloche.model.state import State, Wanted
from cloche.ports.store import Move

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def stamp(time: datetime | None) -> int | None:
    """Microseconds since 1970."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def moment(value: int | None) -> datetime | None:
    """The time of a stamp."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def now() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


def plain(words: str) -> str:
    """Text that any database keeps: what user code says may hold what is no character."""
    return words.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


class Memo(Generic[T]):
    """Decoded values of texts seen lately: a job is read several times on its way, and its request never changes.

    Values are frozen, so jobs share them. Long texts are decoded anew rather than kept.
    """

    def __init__(self, kind: type[T], *, entries: int = 256, longest: int = 16_384) -> None:
        self._kind = kind
        self._entries = entries
        self._longest = longest
        self._known: dict[str, T] = {}

    def decode(self, value: str) -> T:
        """The value of a text."""
        known = self._known.get(value)
        if known is None:
            known = decode(self._kind, json.loads(value))
            self._keep(value, known)
        return known

    def encode(self, value: T) -> str:
        """The text of a value."""
        encoded = dump(value)
        self._keep(encoded, value)
        return encoded

    def _keep(self, encoded: str, value: T) -> None:
        if len(encoded) > self._longest:
            return
        if len(self._known) >= self._entries:
            self._known.clear()
        self._known[encoded] = value


class JobRows:
    """The codec between rows (in the order of ``statements.COLUMNS``) and jobs."""

    def __init__(self) -> None:
        self._requests = Memo(Execute)
        self._limits = Memo(Limits)

    def job(self, row: Sequence[Any]) -> Job:
        """The job of a row."""
        (position, job, process, process_version, package, executor, request, limits, state, wanted, created, updated,
         started, finished, expires, progress, message, failure, outputs, usage, handle, worker, attempt,
         version) = row  # fmt: skip
        return Job(
            id=job,
            process=process,
            process_version=process_version,
            package=package,
            executor=executor,
            request=self._requests.decode(request),
            limits=self._limits.decode(limits),
            created=_EPOCH + timedelta(microseconds=created),
            updated=_EPOCH + timedelta(microseconds=updated),
            state=State(state),
            wanted=Wanted(wanted),
            started=moment(started),
            finished=moment(finished),
            expires=moment(expires),
            progress=progress,
            message=message,
            failure=decode(Failure, json.loads(failure)) if failure else None,
            outputs=decode(tuple[Output, ...], json.loads(outputs)) if outputs != "[]" else (),
            usage=decode(Usage, json.loads(usage)) if usage else None,
            handle=handle,
            worker=worker,
            attempt=attempt,
            version=version,
            position=position,
        )

    def addition(self, job: Job) -> dict[str, object]:
        """Parameters of ADD."""
        overdue = None
        if job.limits.queue_time is not None:
            overdue = stamp(job.created + timedelta(seconds=job.limits.queue_time))
        return {
            "id": job.id,
            "process": job.process,
            "process_version": job.process_version,
            "package": job.package,
            "executor": job.executor,
            "protocol": job.request.protocol,
            "request": self._requests.encode(job.request),
            "limits": self._limits.encode(job.limits),
            "wanted": job.wanted.value,
            "created": stamp(job.created),
            "overdue": overdue,
        }


def change_parameters(change: Move) -> dict[str, object]:
    """Parameters of MOVE that a change holds."""
    return {
        "handle": change.handle,
        "progress": change.progress,
        "message": None if change.message is None else plain(change.message),
        "failure": None if change.failure is None else dump(change.failure),
        "outputs": None if change.outputs is None else dump(change.outputs),
        "usage": None if change.usage is None else dump(change.usage),
        "started": stamp(change.started),
        "finished": stamp(change.finished),
        "expires": stamp(change.expires),
    }


def event(job: str, row: Sequence[Any]) -> Event:
    """The event of a row of EVENTS."""
    number, time, state, words = row
    return Event(job=job, number=number, time=_EPOCH + timedelta(microseconds=time), state=State(state), text=words)
