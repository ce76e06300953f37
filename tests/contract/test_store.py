"""The contract of ports.store.JobStore, on the databases that implement it."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

import rivals
from cloche.model.data import LiteralData, Output
from cloche.model.errors import NoSuchJob, NotEnoughStorage, ServerBusy
from cloche.model.execute import Mode
from cloche.model.job import Failure, FailureKind, Job, Usage
from cloche.model.limits import Limits
from cloche.model.state import ENDED, OCCUPYING, TRANSITIONS, State, Wanted
from cloche.ports.store import Admission, Conflict, JobStore, Move, Query, StoreUnavailable
from cloche.store import SqlStore, schema, statements
from cloche.store.migrate import MIGRATIONS, upgrade
from jobs import a_job, a_request

ROOMY = Admission(parallel=1000, waiting=1000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(tmp_path / "jobs.db")
    yield store
    store.close()


def add(store: JobStore, process: str = "echo", admission: Admission = ROOMY, **changes: object) -> Job:
    return store.add(a_job(process, **changes), admission=admission, mode=Mode.ASYNC)


def claim(store: JobStore, parallel: int = 1000, limit: int = 1000, **per_process: int) -> list[Job]:
    return list(store.claim("w", parallel=parallel, per_process=per_process, limit=limit))


def end(store: JobStore, job: Job, **change: object) -> Job:
    running = store.move(job, State.RUNNING, Move(handle="h"))
    return store.move(store.move(running, State.FINISHING), State.SUCCEEDED, Move(**change))


def test_a_job_comes_back_as_it_was_added(store: SqlStore) -> None:
    request = a_request(inputs=(a_request().inputs[0],) * 2, language="cs-CZ")
    added = add(store, request=request, limits=Limits(memory=1 << 30, run_time=1.5))
    assert store.get(added.id) == added
    assert added.state is State.ACCEPTED


def test_text_of_any_kind_survives(store: SqlStore) -> None:
    odd = LiteralData(value='\x00 \ud800 \U0001f600 "\\ \n')
    job = end(store, *claimed(store), outputs=(Output(id="o", data=odd),), message="žluťoučký")
    assert store.get(job.id) == job


def test_what_is_no_text_is_kept_as_well_as_can_be(store: SqlStore) -> None:
    (job,) = claimed(store)
    running = store.move(job, State.RUNNING)
    store.note(job.id, progress=1, message="a\ud800b\0c")
    failure = Failure(kind=FailureKind.CRASH, text="\ud800\0")
    failed = store.move(running, State.FAILED, Move(failure=failure))
    assert failed.message == "a?b\ufffdc"
    assert store.get(job.id).failure == failure
    assert store.events(job.id)[-1].text == "?\ufffd"


def claimed(store: SqlStore) -> list[Job]:
    add(store)
    return claim(store)


def test_unknown_jobs_are_said_to_be_unknown(store: SqlStore) -> None:
    with pytest.raises(NoSuchJob):
        store.get("nothing")
    with pytest.raises(NoSuchJob):
        store.want("nothing", Wanted.STOP)
    with pytest.raises(NoSuchJob):
        store.move(a_job(), State.STARTING)
    store.note("nothing", progress=1, message="")
    store.delete("nothing")
    assert store.events("nothing") == []


def test_a_move_writes_what_it_holds_and_leaves_the_rest(store: SqlStore) -> None:
    (job,) = claimed(store)
    started = datetime.now(UTC)
    running = store.move(job, State.RUNNING, Move(handle="4711", started=started))
    finishing = store.move(running, State.FINISHING, Move(usage=Usage(cpu_s=1.5)))
    failure = Failure(kind=FailureKind.LIMIT, text="memory limit of 1 GiB exceeded")
    failed = store.move(finishing, State.FAILED, Move(failure=failure, expires=started))
    assert store.get(job.id) == failed
    assert (failed.handle, failed.started, failed.usage, failed.failure) == ("4711", started, Usage(cpu_s=1.5), failure)
    assert failed.finished is not None
    assert [(e.number, e.state) for e in store.events(job.id)] == [
        (1, State.ACCEPTED),
        (2, State.STARTING),
        (3, State.RUNNING),
        (4, State.FINISHING),
        (5, State.FAILED),
    ]
    assert [e.text for e in store.events(job.id, after=4)] == ["memory limit of 1 GiB exceeded"]


@pytest.mark.parametrize("to", State)
@pytest.mark.parametrize("state", State)
def test_only_moves_of_the_table_are_made(store: SqlStore, state: State, to: State) -> None:
    job = reach(store, state)
    if to in TRANSITIONS[state]:
        assert store.move(job, to).state is to
    else:
        with pytest.raises(Conflict):
            store.move(job, to)
    assert (store.get(job.id).finished is not None) == (store.get(job.id).state in ENDED)


WAYS: dict[State, tuple[State, ...]] = {
    State.ACCEPTED: (),
    State.STARTING: (State.STARTING,),
    State.RUNNING: (State.STARTING, State.RUNNING),
    State.PAUSED: (State.STARTING, State.RUNNING, State.PAUSED),
    State.FINISHING: (State.STARTING, State.RUNNING, State.FINISHING),
    State.SUCCEEDED: (State.STARTING, State.RUNNING, State.FINISHING, State.SUCCEEDED),
    State.FAILED: (State.FAILED,),
    State.DISMISSED: (State.DISMISSED,),
}


def reach(store: SqlStore, state: State, **changes: object) -> Job:
    job = add(store, **changes)
    for step in WAYS[state]:
        job = store.move(job, step)
    return job


def test_a_stale_move_conflicts_and_changes_nothing(store: SqlStore) -> None:
    (job,) = claimed(store)
    running = store.move(job, State.RUNNING)
    with pytest.raises(Conflict):
        store.move(job, State.FAILED)
    assert store.get(job.id) == running
    assert len(store.events(job.id)) == 3


def test_what_clients_want_is_kept_and_seen_by_the_next_move(store: SqlStore) -> None:
    (job,) = claimed(store)
    assert store.want(job.id, Wanted.STOP).wanted is Wanted.STOP
    assert store.want(job.id, Wanted.STOP).version == job.version
    assert store.move(job, State.RUNNING).wanted is Wanted.STOP


def test_a_dismissal_is_for_good(store: SqlStore) -> None:
    (job,) = claimed(store)
    store.want(job.id, Wanted.STOP)
    assert store.want(job.id, Wanted.RUN).wanted is Wanted.STOP
    assert store.want(job.id, Wanted.PAUSE).wanted is Wanted.STOP


def test_an_ended_job_wants_and_notes_nothing(store: SqlStore) -> None:
    (job,) = claimed(store)
    ended = end(store, job)
    assert store.want(job.id, Wanted.STOP) == ended
    store.note(job.id, progress=3, message="late")
    assert store.get(job.id) == ended


def test_progress_is_noted_without_a_move(store: SqlStore) -> None:
    (job,) = claimed(store)
    running = store.move(job, State.RUNNING)
    store.note(job.id, progress=40, message="dissolving")
    seen = store.get(job.id)
    assert (seen.progress, seen.message, seen.version) == (40, "dissolving", running.version)
    assert store.move(running, State.FINISHING).message == "dissolving"


def test_claims_come_in_the_order_of_arrival(store: SqlStore) -> None:
    ids = [add(store).id for _ in range(5)]
    assert [job.id for job in claim(store, limit=2)] == ids[:2]
    assert [job.id for job in claim(store, parallel=4)] == ids[2:4]
    assert claim(store, parallel=4) == []


def test_a_claim_says_who_and_how_often(store: SqlStore) -> None:
    (job,) = claimed(store)
    assert (job.worker, job.attempt, job.state) == ("w", 1, State.STARTING)
    store.move(job, State.ACCEPTED)
    (again,) = claim(store)
    assert (again.id, again.attempt) == (job.id, 2)


def test_held_and_dismissed_jobs_are_passed_over(store: SqlStore) -> None:
    held, stopped, free = (add(store) for _ in range(3))
    store.want(held.id, Wanted.PAUSE)
    store.want(stopped.id, Wanted.STOP)
    assert [job.id for job in claim(store, parallel=1)] == [free.id]
    store.want(held.id, Wanted.RUN)
    assert [job.id for job in claim(store)] == [held.id]


def test_a_process_at_its_own_limit_lets_others_pass(store: SqlStore) -> None:
    first, second, other = add(store, "slow"), add(store, "slow"), add(store, "quick")
    assert [job.id for job in claim(store, slow=1)] == [first.id, other.id]
    assert claim(store, slow=1) == []
    assert [job.id for job in claim(store, slow=2)] == [second.id]


@pytest.mark.parametrize("state", sorted(OCCUPYING))
def test_every_occupying_state_holds_a_slot_until_the_end(store: SqlStore, state: State) -> None:
    job = reach(store, state)
    add(store)
    assert claim(store, parallel=1) == []
    store.move(job, State.FAILED)
    assert len(claim(store, parallel=1)) == 1


def test_a_sync_job_needs_a_free_slot_that_nobody_waits_for(store: SqlStore) -> None:
    admission = Admission(parallel=2, waiting=0)
    for _ in range(2):
        store.add(a_job(), admission=admission, mode=Mode.SYNC)
    with pytest.raises(ServerBusy, match="Maximum number of parallel running processes reached"):
        store.add(a_job(), admission=admission, mode=Mode.SYNC)
    (job, _) = claim(store)
    with pytest.raises(ServerBusy):
        store.add(a_job(), admission=admission, mode=Mode.SYNC)
    end(store, job)
    store.add(a_job(), admission=admission, mode=Mode.SYNC)


def test_a_sync_job_respects_the_limit_of_its_process(store: SqlStore) -> None:
    admission = Admission(parallel=5, waiting=5, process_parallel=1)
    store.add(a_job("slow"), admission=admission, mode=Mode.SYNC)
    with pytest.raises(ServerBusy):
        store.add(a_job("slow"), admission=admission, mode=Mode.SYNC)
    store.add(a_job("quick"), admission=admission, mode=Mode.SYNC)
    store.add(a_job("slow"), admission=admission, mode=Mode.ASYNC)


def test_an_async_job_waits_until_the_queue_is_full(store: SqlStore) -> None:
    admission = Admission(parallel=1, waiting=2)
    for _ in range(3):
        add(store, admission=admission)
    with pytest.raises(ServerBusy):
        add(store, admission=admission)
    assert store.counts() == {State.ACCEPTED: 3}


def test_jobs_are_listed_newest_first_in_pages(store: SqlStore) -> None:
    ids = [add(store, process=f"p{number % 2}").id for number in range(6)][::-1]
    assert [job.id for job in store.list(Query())] == ids
    page = store.list(Query(limit=4))
    assert [job.id for job in store.list(Query(after=page[-1].id))] == ids[4:]
    assert [job.id for job in store.list(Query(processes=["p1"], limit=2))] == [ids[0], ids[2]]


def test_lists_are_filtered(store: SqlStore) -> None:
    early = add(store, created=datetime(2020, 1, 1, tzinfo=UTC))
    failed = reach(store, State.FAILED, request=a_request(protocol="wps2"))
    assert [job.id for job in store.list(Query(states=[State.FAILED]))] == [failed.id]
    assert [job.id for job in store.list(Query(protocols=["wps1"]))] == [early.id]
    middle = datetime(2021, 1, 1, tzinfo=UTC)
    assert [job.id for job in store.list(Query(created_after=middle))] == [failed.id]
    assert [job.id for job in store.list(Query(created_before=middle))] == [early.id]


def test_what_has_not_ended_is_found_again(store: SqlStore) -> None:
    jobs = {state: reach(store, state) for state in State}
    assert [job.state for job in store.unended()] == [state for state in State if state not in ENDED]
    assert store.counts() == dict.fromkeys(set(State) - ENDED, 1)
    assert [job.id for job in store.stopping()] == [jobs[State.PAUSED].id]
    store.want(jobs[State.RUNNING].id, Wanted.STOP)
    store.want(jobs[State.ACCEPTED].id, Wanted.PAUSE)
    assert {job.state for job in store.stopping()} == {State.ACCEPTED, State.RUNNING, State.PAUSED}


def test_jobs_that_waited_too_long_are_overdue(store: SqlStore) -> None:
    patient, late = add(store), add(store, limits=Limits(queue_time=5))
    assert store.overdue(late.created + timedelta(seconds=4)) == []
    assert store.overdue(late.created + timedelta(seconds=6)) == [late]
    store.move(late, State.STARTING)
    assert store.overdue(late.created + timedelta(seconds=6)) == []
    assert patient.limits.queue_time is None


def test_ended_jobs_expire_and_are_forgotten_with_their_history(store: SqlStore) -> None:
    now = datetime.now(UTC)
    old = end(store, *claimed(store), expires=now)
    end(store, *claimed(store), expires=now + timedelta(hours=1))
    end(store, *claimed(store))
    assert store.expired(now + timedelta(seconds=1)) == [old]
    store.delete(old.id)
    assert store.expired(now + timedelta(seconds=1)) == []
    assert store.events(old.id) == []


def test_a_job_that_has_not_ended_is_never_forgotten(store: SqlStore) -> None:
    job = add(store)
    store.delete(job.id)
    assert store.get(job.id) == job
    assert len(store.events(job.id)) == 1


def test_a_sweep_learns_what_is_known(store: SqlStore) -> None:
    jobs = [add(store).id for _ in range(3)]
    assert store.known([*jobs[:2], "stranger", *map(str, range(1200))]) == set(jobs[:2])


def test_threads_never_claim_past_the_limit_nor_twice(store: SqlStore) -> None:
    ids = [add(store, f"p{number % 3}").id for number in range(60)]
    seen: list[str] = []
    running: list[int] = []

    def work(_: int) -> None:
        for _ in range(200):
            for job in store.claim("w", parallel=4, per_process={"p1": 1}, limit=2):
                running.append(len([j for j in store.unended() if j.state in OCCUPYING]))
                seen.append(job.id)
                end(store, job)
            if len(seen) == len(ids):
                return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert sorted(seen) == sorted(ids)
    assert max(running) <= 4


def test_processes_never_pass_the_limits(tmp_path: Path) -> None:
    program = [sys.executable, rivals.__file__, str(tmp_path / "jobs.db")]
    workers = [subprocess.Popen([*program, str(n)], stdout=subprocess.PIPE, text=True) for n in range(4)]
    printed = "".join(worker.communicate(timeout=60)[0] for worker in workers)
    assert [worker.returncode for worker in workers] == [0] * 4
    claims = [line.split() for line in printed.splitlines()]
    assert len({job for job, _, _ in claims}) == len(claims) >= 30
    assert max(int(occupied) for _, occupied, _ in claims) <= 3
    assert max(int(total) for _, _, total in claims) <= 7


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_walk_through_the_table_keeps_history_and_slots_true(store: SqlStore, data: st.DataObject) -> None:
    job = add(store)
    steps = 0
    while job.state not in ENDED and steps < 12:
        job = store.move(job, data.draw(st.sampled_from(sorted(TRANSITIONS[job.state]))))
        steps += 1
        assert store.get(job.id) == job
        assert len(store.events(job.id)) == job.version + 1
    occupied = sum(number for state, number in store.counts().items() if state in OCCUPYING)
    assert occupied == len([j for j in store.unended() if j.state in OCCUPYING])


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database with 100 000 ended jobs and a few others."""
    path = tmp_path_factory.mktemp("history") / "jobs.db"
    store = SqlStore(path)
    reach(store, State.SUCCEEDED)
    reach(store, State.RUNNING)
    add(store)
    store.close()
    connection = sqlite3.connect(path)
    names = ", ".join(column.name for column in schema.jobs.columns if column.name not in ("position", "id"))
    connection.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
        f" INSERT INTO jobs (id, {names}) SELECT 'old' || i, {names} FROM jobs, n WHERE state = 'succeeded'"
    )
    connection.commit()
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "name", ["COUNTS", "ANY_WAITING", "WAITING", "UNENDED", "STOPPING", "OVERDUE", "STATES", "EXPIRED", "GET", "MOVE"]
)
def test_no_statement_looks_at_history(history: sqlite3.Connection, name: str) -> None:
    statement = getattr(statements, name)
    columns = {column.name: 0 for column in schema.jobs.columns}
    parameters = columns | {"now": 0, "limit": 1, "to": "", "from": ""}
    plan = [row[3] for row in history.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    tables = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    assert tables
    assert all("INDEX" in step for step in tables), plan
    assert not any("sqlite_autoindex" in step and step.startswith("SCAN") for step in tables), plan


def test_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    def described(path: Path) -> dict[str, str]:
        with sqlite3.connect(path) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        connection.close()
        return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}

    made, migrated = (create_engine(f"sqlite:///{tmp_path}/{name}.db") for name in ("made", "migrated"))
    schema.metadata.create_all(made)
    with migrated.begin() as connection:
        upgrade(connection)
    for engine in (made, migrated):
        engine.dispose()
    assert described(tmp_path / "made.db") == described(tmp_path / "migrated.db")
    assert [path.name.split("_")[0] for path in sorted((MIGRATIONS / "versions").glob("*.py"))][-1] == schema.HEAD


def test_a_database_of_the_future_is_refused(tmp_path: Path) -> None:
    SqlStore(tmp_path / "jobs.db").close()
    with sqlite3.connect(tmp_path / "jobs.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreUnavailable, match="another version"):
        SqlStore(tmp_path / "jobs.db")


def test_stores_that_start_together_migrate_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: SqlStore(tmp_path / "jobs.db"), range(4)))
    add(stores[0])
    assert len(stores[3].list(Query())) == 1
    for store in stores:
        store.close()


def test_a_new_database_that_somebody_else_is_making_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "jobs.db", check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE theirs (x)")
    threading.Timer(0.1, other.execute, ("COMMIT",)).start()
    store = SqlStore(tmp_path / "jobs.db")
    other.close()
    assert store.list(Query()) == []
    store.close()


def test_a_locked_database_is_waited_for_and_then_said_to_be_locked(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "jobs.db", busy_timeout=0.2)
    job = add(store)
    other = sqlite3.connect(tmp_path / "jobs.db", check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        store.move(job, State.STARTING)
    assert store.get(job.id) == job  # readers do not wait
    threading.Timer(0.05, other.execute, ("ROLLBACK",)).start()
    assert store.move(job, State.STARTING).state is State.STARTING
    other.close()
    store.close()


def test_a_full_database_is_said_to_be_full_and_recovers(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "jobs.db")
    job = add(store)
    with store._database.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    store._database._writer().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(NotEnoughStorage):
        add(store, package="x" * 100_000)
    with pytest.raises(StoreUnavailable, match="full") as raised:
        store.move(job, State.FAILED, Move(message="x" * 100_000))
    assert raised.value.full
    assert store.get(job.id) == job
    store._database._writer().execute("PRAGMA max_page_count = 1000000")
    assert store.move(job, State.FAILED, Move(message="x" * 100_000)).version == 1
    store.close()


def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        SqlStore(Path("/proc/nowhere.db"))
