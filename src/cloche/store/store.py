"""``ports.store.JobStore`` on SQL."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from cloche.model.errors import NoSuchJob, NotEnoughStorage, ServerBusy
from cloche.model.execute import Mode, Subscriber
from cloche.model.job import Event, Job, JobId
from cloche.model.state import ENDED, TRANSITIONS, State, Wanted
from cloche.ports.store import Admission, Callback, Conflict, Move, Once, Query, Repeated, StoreUnavailable
from cloche.store import statements as sql
from cloche.store.database import Database
from cloche.store.dialect import Connection
from cloche.store.listing import FEW, lasted, page
from cloche.store.migrate import migrate
from cloche.store.rows import JobRows, change_parameters, event, now, plain, stamp
from cloche.store.schema import jobs

BUSY = "Maximum number of parallel running processes reached. Please try later."
EXPIRED_AT_ONCE = 200
_ASKED_AT_ONCE = 500
_NO_CHANGE = Move()


class SqlStore:
    """Jobs in a database: ``url`` is SQLAlchemy's, or the path of an SQLite file, which is migrated here.

    Raises StoreUnavailable where that is impossible.
    """

    def __init__(self, url: str | Path, *, busy_timeout: float = 10) -> None:
        self._database = Database(url, busy_timeout=busy_timeout)
        self._rows = JobRows()
        try:
            migrate(self._database.engine)
        except DBAPIError as error:
            raise StoreUnavailable(f"the job database cannot be used: {error.orig}") from error

    def add(self, job: Job, *, admission: Admission, mode: Mode, once: Once | None = None) -> Job:
        parameters = self._rows.addition(job)
        try:
            with self._database.writing(serial=True) as connection:
                if once is not None:
                    _take_key(connection, once, job.id)
                _admit(_Counts.read(connection), job.process, admission, mode)
                position = connection.execute(sql.ADD, parameters).fetchone()[0]
                added = replace(job, state=State.ACCEPTED, updated=job.created, version=0, position=position)
                _append(connection, added, parameters["created"])
        except StoreUnavailable as error:
            if error.full:
                raise NotEnoughStorage("There is no room left to keep the job.") from error
            raise
        return added

    def get(self, id: JobId) -> Job:
        with self._database.reading() as connection:
            return self._get(connection, id)

    def list(self, query: Query) -> Sequence[Job]:
        count = lasted(query)
        few = count is not None and self._database.select(count)[0][0] < FEW
        return [self._rows.job(row) for row in self._database.select(page(query, by_duration=few))]

    def want(self, id: JobId, wanted: Wanted) -> Job:
        with self._database.writing() as connection:
            connection.execute(sql.WANT, {"id": id, "wanted": wanted.value, "now": stamp(now())})
            return self._get(connection, id)

    def claim(self, worker: str, *, parallel: int, per_process: dict[str, int], limit: int) -> Sequence[Job]:
        with self._database.reading() as connection:
            if connection.execute(sql.ANY_WAITING).fetchone() is None:
                return []
        with self._database.writing(serial=True) as connection:
            counts = _Counts.read(connection)
            free = min(limit, parallel - counts.occupied.total())
            queue = connection.execute(sql.WAITING + self._database.dialect.for_update)
            chosen = _next(queue, counts.occupied, per_process, free)
            return [self._take(connection, job, worker) for job in chosen]

    def move(self, job: Job, to: State, change: Move | None = None) -> Job:
        if to not in TRANSITIONS[job.state]:
            raise Conflict(f"{job.id}: {job.state} does not become {to}")
        change = change or _NO_CHANGE
        time = now()
        if to in ENDED and change.finished is None:
            change = replace(change, finished=time)
        parameters = change_parameters(change) | {
            "id": job.id,
            "version": job.version,
            "from": job.state.value,
            "to": to.value,
            "now": stamp(time),
        }
        with self._database.writing() as connection:
            row = connection.execute(sql.MOVE, parameters).fetchone()
            if row is None:
                found = self._get(connection, job.id)
                raise Conflict(f"{job.id}: {found.state} (version {found.version}) now, {job.version} was expected")
            moved = _moved(job, to, change, time, row)
            _append(connection, moved, parameters["now"], plain(change.failure.text) if change.failure else "")
            if job.request.subscriber is not None:
                _tell(connection, moved, job.request.subscriber, parameters["now"])
        return moved

    def note(self, id: JobId, *, progress: int, message: str) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sql.NOTE, {"id": id, "progress": progress, "message": plain(message), "now": stamp(now())}
            )

    def unended(self) -> Sequence[Job]:
        return self._all(sql.UNENDED)

    def stopping(self) -> Sequence[Job]:
        return self._all(sql.STOPPING)

    def overdue(self, now: datetime) -> Sequence[Job]:
        return self._all(sql.OVERDUE, now=stamp(now))

    def expired(self, now: datetime) -> Sequence[Job]:
        return self._all(sql.EXPIRED, now=stamp(now), limit=EXPIRED_AT_ONCE)

    def known(self, ids: Collection[JobId]) -> set[JobId]:
        asked = [*ids]
        found: set[JobId] = set()
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            query = select(jobs.c.id).where(jobs.c.id.in_(asked[start : start + _ASKED_AT_ONCE]))
            found.update(row[0] for row in self._database.select(query))
        return found

    def events(self, id: JobId, *, after: int = 0) -> Sequence[Event]:
        with self._database.reading() as connection:
            return [event(id, row) for row in connection.execute(sql.EVENTS, {"job": id, "after": after})]

    def delete(self, id: JobId) -> None:
        with self._database.writing() as connection:
            connection.execute(sql.FORGET, {"id": id})
            for statement in (sql.FORGET_EVENTS, sql.FORGET_ONCE, sql.FORGET_CALLBACKS):
                connection.execute(statement, {"id": id})

    def counts(self) -> dict[State, int]:
        with self._database.reading() as connection:
            return {State(state): number for state, number in connection.execute(sql.STATES)}

    def callbacks(self, now: datetime, *, limit: int) -> Sequence[Callback]:
        with self._database.reading() as connection:
            rows = connection.execute(sql.TO_TELL, {"now": stamp(now), "limit": limit}).fetchall()
        return [
            Callback(number=number, job=job, state=State(state), url=url, tries=tries)
            for number, job, state, url, tries in rows
        ]

    def told(self, callback: Callback) -> None:
        with self._database.writing() as connection:
            connection.execute(sql.TOLD, {"number": callback.number})

    def tell_again(self, callback: Callback, due: datetime) -> None:
        with self._database.writing() as connection:
            connection.execute(sql.TELL_AGAIN, {"number": callback.number, "due": stamp(due)})

    def close(self) -> None:
        self._database.close()

    def _all(self, statement: str, **parameters: object) -> Sequence[Job]:
        with self._database.reading() as connection:
            return [self._rows.job(row) for row in connection.execute(statement, parameters).fetchall()]

    def _get(self, connection: Connection, id: JobId) -> Job:
        row = connection.execute(sql.GET, {"id": id}).fetchone()
        if row is None:
            raise NoSuchJob(f"There is no job {id}.")
        return self._rows.job(row)

    def _take(self, connection: Connection, id: JobId, worker: str) -> Job:
        time = stamp(now())
        claimed = self._rows.job(connection.execute(sql.CLAIM, {"id": id, "worker": worker, "now": time}).fetchone())
        _append(connection, claimed, time)
        return claimed


class _Counts:
    """Jobs that have not ended, by process: those that occupy slots and those that wait."""

    def __init__(self) -> None:
        self.occupied: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()

    @classmethod
    def read(cls, connection: Connection) -> "_Counts":
        counts = cls()
        for process, occupying, number in connection.execute(sql.COUNTS):
            (counts.occupied if occupying else counts.waiting)[process] = number
        return counts


def _admit(counts: _Counts, process: str, admission: Admission, mode: Mode) -> None:
    """Raise ServerBusy where there is no place for one more."""
    total = counts.occupied.total() + counts.waiting.total()
    own = counts.occupied[process] + counts.waiting[process]
    if mode is Mode.SYNC:
        full = total >= admission.parallel
        full |= admission.process_parallel is not None and own >= admission.process_parallel
    else:
        full = total >= admission.parallel + admission.waiting
    if full:
        raise ServerBusy(BUSY)


def _next(
    queue: Iterable[tuple[JobId, str]], occupied: Counter[str], per_process: dict[str, int], free: int
) -> list[JobId]:
    """Who is next, at most ``free`` of them; jobs of a process at its own limit are passed over."""
    chosen: list[JobId] = []
    if free > 0:
        for job, process in queue:
            if occupied[process] < per_process.get(process, occupied[process] + 1):
                occupied[process] += 1
                chosen.append(job)
                if len(chosen) == free:
                    break
    return chosen


def _take_key(connection: Connection, once: Once, job: JobId) -> None:
    """Raise Repeated where a job holds the key."""
    held = connection.execute(sql.ONCE, {"key": once.key}).fetchone()
    if held is not None:
        raise Repeated(*held)
    connection.execute(sql.REMEMBER, {"key": once.key, "digest": once.digest, "job": job})


def _tell(connection: Connection, job: Job, subscriber: Subscriber, time: object) -> None:
    """Keep what the subscriber wants to hear of a move."""
    if job.state is State.SUCCEEDED:
        url = subscriber.success
    elif job.state in ENDED:
        url = subscriber.failed
    else:
        url = subscriber.in_progress if job.state in (State.RUNNING, State.PAUSED) else ""
    if url:
        connection.execute(sql.TELL, {"job": job.id, "state": job.state.value, "url": url, "due": time})


def _append(connection: Connection, job: Job, time: object, text: str = "") -> None:
    connection.execute(
        sql.EVENT, {"job": job.id, "number": job.version + 1, "time": time, "state": job.state.value, "text": text}
    )


def _moved(job: Job, to: State, change: Move, time: datetime, row: Sequence[Any]) -> Job:
    """The job after its move: what MOVE wrote, and what others may have written since ``job`` was read."""
    wanted, progress, message = row
    given = {name: value for name in Move.__slots__ if (value := getattr(change, name)) is not None}
    return replace(
        job,
        **given
        | {
            "state": to,
            "version": job.version + 1,
            "updated": time,
            "wanted": Wanted(wanted),
            "progress": progress,
            "message": message,
        },
    )
