"""What the store keeps beside jobs: idempotency keys and callbacks; pages by position and duration."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloche.model.errors import NoSuchJob, ServerBusy
from cloche.model.execute import Mode, Subscriber
from cloche.model.state import State, Wanted
from cloche.ports.store import Admission, Move, Once, Place, Query, Repeated
from cloche.store import SqlStore
from jobs import a_job, a_request

ROOMY = Admission(parallel=1000, waiting=1000)
ALL = Subscriber(success="http://s/", in_progress="http://p/", failed="http://f/")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(tmp_path / "jobs.db")
    yield store
    store.close()


def add(store, admission=ROOMY, once=None, **changes):
    return store.add(a_job(**changes), admission=admission, mode=Mode.ASYNC, once=once)


def run(store, job, *states, **change):
    for state in states[:-1]:
        job = store.move(job, state)
    return store.move(job, states[-1], Move(**change))


def test_a_key_has_one_job(store):
    first = add(store, once=Once(key="k", digest="d"))
    with pytest.raises(Repeated) as repeated:
        add(store, once=Once(key="k", digest="other"))
    assert (repeated.value.job, repeated.value.digest) == (first.id, "d")
    assert [job.id for job in store.list(Query())] == [first.id]
    assert add(store, once=Once(key="k2", digest="d")).id != first.id


def test_a_repeated_request_is_known_even_when_the_server_is_full(store):
    one = Admission(parallel=1, waiting=0)
    first = add(store, admission=one, once=Once(key="k", digest="d"))
    with pytest.raises(Repeated):
        add(store, admission=one, once=Once(key="k", digest="d"))
    with pytest.raises(ServerBusy):
        add(store, admission=one, once=Once(key="new", digest="d"))
    run(store, first, State.STARTING, State.RUNNING, State.FINISHING, State.SUCCEEDED)
    add(store, admission=one, once=Once(key="new", digest="d"))  # the refusal took no key


def test_a_key_is_free_again_when_its_job_is_forgotten(store):
    first = add(store, once=Once(key="k", digest="d"))
    run(store, first, State.DISMISSED)
    store.delete(first.id)
    add(store, once=Once(key="k", digest="d"))


def test_rivals_for_a_key_start_one_job(store):
    def attempt(_):
        try:
            return add(store, once=Once(key="k", digest="d")).id
        except Repeated as repeated:
            return repeated.job

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(attempt, range(32)))) == 1
    assert len(store.list(Query())) == 1


def test_pages_go_on_by_place_though_the_job_is_gone(store):
    jobs = [add(store) for _ in range(4)]
    run(store, jobs[2], State.DISMISSED)
    store.delete(jobs[2].id)
    assert [job.id for job in store.list(Query(before=Place(created=jobs[2].created, position=jobs[2].position)))] == [
        jobs[1].id,
        jobs[0].id,
    ]


def test_durations_filter(store):
    now = datetime.now(UTC)

    def lasted(seconds, *ends):
        job = run(store, add(store), State.STARTING)
        job = store.move(job, State.RUNNING, Move(started=now - timedelta(seconds=seconds)))
        return run(store, job, *ends, finished=now).id if ends else job.id

    waiting = add(store).id
    running = lasted(500)
    short = lasted(10, State.FINISHING, State.SUCCEEDED)
    long = lasted(100, State.FAILED)
    found = {job.id for job in store.list(Query(longer_than=50))}
    assert found == {running, long}
    assert {job.id for job in store.list(Query(shorter_than=50))} == {short}
    assert {job.id for job in store.list(Query(longer_than=10, shorter_than=100))} == {short, long}
    assert waiting not in found


def test_a_subscriber_is_told_of_moves_in_their_order(store):
    job = add(store, request=a_request(subscriber=ALL))
    run(store, job, State.STARTING, State.RUNNING, State.FINISHING, State.SUCCEEDED)
    due = store.callbacks(datetime.now(UTC), limit=10)
    assert [(c.state, c.url) for c in due] == [(State.RUNNING, "http://p/"), (State.SUCCEEDED, "http://s/")]
    assert {c.job for c in due} == {job.id}
    store.told(due[0])
    later = datetime.now(UTC) + timedelta(hours=1)
    store.tell_again(due[1], later)
    assert store.callbacks(datetime.now(UTC), limit=10) == []
    (again,) = store.callbacks(later, limit=10)
    assert (again.number, again.tries) == (due[1].number, 1)


def test_failures_and_dismissals_go_to_the_same_address(store):
    failing = add(store, request=a_request(subscriber=ALL))
    run(store, failing, State.FAILED)
    waiting = add(store, request=a_request(subscriber=ALL))
    store.want(waiting.id, Wanted.STOP)
    run(store, store.get(waiting.id), State.DISMISSED)
    assert [c.url for c in store.callbacks(datetime.now(UTC), limit=10)] == ["http://f/"] * 2


def test_callbacks_survive_the_store_and_go_with_their_job(tmp_path):
    store = SqlStore(tmp_path / "jobs.db")
    job = add(store, request=a_request(subscriber=Subscriber(failed="http://f/")))
    run(store, job, State.FAILED)
    store.close()
    store = SqlStore(tmp_path / "jobs.db")
    assert store.get(job.id).request.subscriber == Subscriber(failed="http://f/")
    assert len(store.callbacks(datetime.now(UTC), limit=10)) == 1
    store.delete(job.id)
    assert store.callbacks(datetime.now(UTC), limit=10) == []
    with pytest.raises(NoSuchJob):
        store.get(job.id)
    store.close()
