"""Lists of jobs: the same as by hand, and the same work however long history is."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from cloche.model.execute import Mode
from cloche.model.job import Job
from cloche.model.state import ENDED, State
from cloche.ports.store import Admission, Move, Place, Query
from cloche.store import SqlStore, schema
from cloche.store.listing import FEW, lasted, page
from jobs import a_job

ROOM = Admission(parallel=10_000, waiting=10_000)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WAY = {State.SUCCEEDED: (State.STARTING, State.RUNNING, State.FINISHING), State.FAILED: (State.STARTING, State.RUNNING)}
ENDINGS = (State.SUCCEEDED, State.FAILED, State.DISMISSED)
DEFAULT = [state for state in State if state is not State.ACCEPTED]
"""What OGC API lists without a filter by status."""


def made(store: SqlStore, number: int, state: State, *, process: str, protocol: str, seconds: float) -> Job:
    """A job of its own second that has lasted ``seconds``, where it has ended."""
    created = BEGAN + timedelta(seconds=number // 2)  # two of each moment
    job = a_job(process, created=created)
    job = replace(job, request=replace(job.request, protocol=protocol))
    job = store.add(job, admission=ROOM, mode=Mode.ASYNC)
    for step in (*WAY.get(state, ()), *((state,) if state is not State.ACCEPTED else ())):
        ends = {"finished": created + timedelta(seconds=seconds)} if step in ENDED else {}
        job = store.move(job, step, Move(started=created if step is State.RUNNING else None, **ends))
    return job


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqlStore, list[Job]]]:
    """A store with 120 jobs of every kind, and all of them newest first."""
    store = SqlStore(tmp_path_factory.mktemp("lists") / "jobs.db")
    chance = random.Random(7)
    jobs = []
    for number in range(120):
        state = chance.choice([State.ACCEPTED, State.STARTING, State.SUCCEEDED, State.SUCCEEDED, *ENDINGS])
        jobs.append(
            made(
                store, number, state, process=chance.choice("abc"), protocol=chance.choice(["wps1", "ogcapi"]),
                seconds=chance.choice([0.5, 1, 3, 30]),
            )
        )  # fmt: skip
    yield store, sorted(jobs, key=lambda job: (job.created, job.position), reverse=True)
    store.close()


def by_hand(jobs: list[Job], query: Query) -> list[Job]:
    def fits(job: Job) -> bool:
        long = (job.finished or datetime.now(UTC)) - job.started if job.started else None
        place = (job.created, job.position)
        return (
            (not query.states or job.state in query.states)
            and (not query.processes or job.process in query.processes)
            and (not query.protocols or job.request.protocol in query.protocols)
            and (query.created_after is None or job.created > query.created_after)
            and (query.created_before is None or job.created < query.created_before)
            and (query.before is None or place < (query.before.created, query.before.position))
            and (query.longer_than is None or (long is not None and long.total_seconds() >= query.longer_than))
            and (query.shorter_than is None or (long is not None and long.total_seconds() <= query.shorter_than))
        )

    return [job for job in jobs if fits(job)][: query.limit]


def test_any_filters_together(some):
    store, jobs = some
    chance = random.Random(11)
    found = 0
    for _ in range(400):
        query = Query(
            states=chance.choice([(), (), DEFAULT, (State.FAILED,), (State.ACCEPTED, State.SUCCEEDED)]),
            processes=chance.choice([(), (), ("a",), ("a", "c"), ("nothing",)]),
            protocols=chance.choice([(), (), (), ("wps1",)]),
            created_after=chance.choice([None, None, BEGAN + timedelta(seconds=chance.randrange(60))]),
            created_before=chance.choice([None, None, BEGAN + timedelta(seconds=chance.randrange(60))]),
            longer_than=chance.choice([None, None, None, 1, 3]),
            shorter_than=chance.choice([None, None, None, 1, 3]),
            limit=chance.choice([1, 5, 100]),
        )
        if chance.random() < 0.5:
            last = chance.choice(jobs)
            query = replace(query, before=Place(created=last.created, position=last.position))
        expected = by_hand(jobs, query)
        assert [job.id for job in store.list(query)] == [job.id for job in expected], query
        found += len(expected)
    assert found > 2000  # not everything was filtered away


def test_pages_hold_everything_once(some):
    store, jobs = some
    query, seen = Query(states=DEFAULT, limit=7), []
    while found := store.list(query):
        seen += found
        query = replace(query, before=Place(created=found[-1].created, position=found[-1].position))
    assert [job.id for job in seen] == [job.id for job in jobs if job.state is not State.ACCEPTED]


# --- the work ---

LONG = datetime(2020, 1, 1, tzinfo=UTC)
QUERIES = {
    "everything": Query(limit=10),
    "what OGC API lists": Query(states=DEFAULT, limit=10),
    "a state": Query(states=[State.SUCCEEDED], limit=10),
    "a state that no job has": Query(states=[State.FAILED], limit=10),
    "a process": Query(processes=["add"], limit=10),
    "a process that there is not": Query(states=DEFAULT, processes=["nothing"], limit=10),
    "some processes and states": Query(states=[State.FAILED, State.SUCCEEDED], processes=["add", "b", "c"], limit=10),
    "the first day": Query(states=DEFAULT, created_before=BEGAN + timedelta(seconds=50), limit=10),
    "later than all": Query(states=DEFAULT, created_after=datetime(2100, 1, 1, tzinfo=UTC), limit=10),
    "since long ago": Query(states=DEFAULT, created_after=LONG, limit=10),
    "a process and a time": Query(states=DEFAULT, processes=["add"], created_after=LONG, limit=10),
    "a later page": Query(states=DEFAULT, before=Place(created=BEGAN + timedelta(seconds=60), position=60), limit=10),
    "longer than any": Query(states=DEFAULT, longer_than=500, limit=10),
    "as long as all": Query(states=DEFAULT, longer_than=1, limit=10),
    "shorter than any": Query(states=DEFAULT, shorter_than=1, limit=10),
    "longer than any of a process": Query(states=[State.FAILED], processes=["add"], longer_than=500, limit=10),
}


WALKED = {"everything", "what OGC API lists", "as long as all"}
"""From the newest on, until the page is full."""


def grown(path: Path, size: int) -> sqlite3.Connection:
    """A database with ``size`` jobs of the process add that have succeeded after 3 seconds."""
    store = SqlStore(path)
    made(store, 0, State.SUCCEEDED, process="add", protocol="ogcapi", seconds=3)
    made(store, 1, State.ACCEPTED, process="add", protocol="ogcapi", seconds=0)
    store.close()
    connection = sqlite3.connect(path)
    moved = {"id": "'old' || i", "created": "created + i * 1000000", "started": "started + i * 1000000"}
    moved["finished"] = "finished + i * 1000000"
    names = [column.name for column in schema.jobs.columns if column.name != "position"]
    connection.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size})"
        f" INSERT INTO jobs ({', '.join(names)}) SELECT {', '.join(moved.get(name, name) for name in names)}"
        " FROM n, jobs WHERE state = 'succeeded'"
    )
    connection.commit()
    return connection


@pytest.fixture(scope="module")
def short_and_long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sqlite3.Connection, ...]]:
    folder = tmp_path_factory.mktemp("history")
    connections = grown(folder / "short.db", 2 * FEW), grown(folder / "long.db", 50 * FEW)
    yield connections
    for connection in connections:
        connection.close()


def steps(connection: sqlite3.Connection, query: Query) -> tuple[int, list[str]]:
    """The steps of SQLite's machine that a page takes, and its plan."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    def run(statement: Select) -> list:
        text = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        plan.extend(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}"))
        return connection.execute(text).fetchall()

    plan: list[str] = []
    connection.set_progress_handler(count, 10)
    long = lasted(query)
    run(page(query, by_duration=long is not None and run(long)[0][0] < FEW))
    connection.set_progress_handler(None, 10)
    return counted, plan


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_is_the_same_work_at_any_length_of_history(short_and_long, name):
    (short, _), (long, plan) = (steps(connection, QUERIES[name]) for connection in short_and_long)
    assert long <= short * 1.2 + 10, plan
    walked = [step for step in plan if step.startswith("SCAN jobs")]
    assert walked == (["SCAN jobs USING INDEX jobs_created"] if name in WALKED else []), plan
    assert all("INDEX" in step or "PRIMARY KEY" in step for step in plan if step.startswith("SEARCH jobs")), plan
