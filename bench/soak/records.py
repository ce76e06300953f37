"""What the server's records say of jobs; looked at from outside, whether a server lives or not."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cloche.model.job import Event, Job
from cloche.model.state import ENDED, State
from cloche.ports.store import Query
from cloche.store import SqlStore

_ENDED = ", ".join(f"'{state}'" for state in ENDED)
_PAGE = 500


class Records:
    """Questions while the soak goes on."""

    def __init__(self, datadir: Path) -> None:
        self._path = datadir / "cloche.sqlite"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=60)) as database:
            yield database

    def open(self) -> int:
        """How many jobs have not ended."""
        with self._open() as database:
            return int(database.execute(f"SELECT count(*) FROM jobs WHERE state NOT IN ({_ENDED})").fetchone()[0])

    def state(self, job: str) -> State | None:
        """Of one job; None: there is none."""
        with self._open() as database:
            row = database.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
            return State(row[0]) if row else None

    def jobs_with(self, text: str) -> list[str]:
        """The jobs that a request with that text has become."""
        with self._open() as database:
            rows = database.execute("SELECT id FROM jobs WHERE request LIKE ?", (f'%"{text}"%',))
            return [row[0] for row in rows]

    def everything(self) -> list[tuple[Job, list[Event]]]:
        """Every job with its history."""
        store = SqlStore(self._path)
        try:
            return [(job, list(store.events(job.id))) for job in _all(store)]
        finally:
            store.close()


def _all(store: SqlStore) -> Iterator[Job]:
    after = None
    while page := store.list(Query(limit=_PAGE, after=after)):
        yield from page
        after = page[-1].id


def stays(events: list[Event]) -> dict[State, float]:
    """The longest stay of a job in each state, in seconds."""
    longest: dict[State, float] = {}
    for event, following in pairwise(events):
        longest[event.state] = max(longest.get(event.state, 0.0), _seconds(event.time, following.time))
    return longest


def _seconds(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()
