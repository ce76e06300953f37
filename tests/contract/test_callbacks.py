"""Callbacks arrive, signed, once they can; what cannot be reached is tried again, also by the next server."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cloche.engine.callbacks import CallbackPolicy, Callbacks
from cloche.model.execute import Mode, Subscriber
from cloche.model.state import State
from cloche.ports.callbacks import Message
from cloche.ports.store import Admission, Move
from cloche.store import SqlStore
from jobs import a_job, a_request

SECRET = b"secret"


@dataclass
class Subscribed:
    """A web server that notes what it is told; ``status`` is its answer."""

    status: int = 200
    seen: list = field(default_factory=list)
    port: int = 0

    @contextmanager
    def listening(self) -> Iterator[str]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.seen.append((self.path, dict(self.headers.items()), body))
                self.send_response(outer.status)
                self.send_header("location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_): ...

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def paths(self):
        return [path for path, _, _ in self.seen]


class Messages:
    def message(self, job, state):
        return Message(media_type="application/json", chunks=iter((b'{"state":"', state.value.encode(), b'"}')))


@pytest.fixture
def store(tmp_path):
    made = SqlStore(tmp_path / "jobs.db")
    yield made
    made.close()


@contextmanager
def telling(store, tmp_path, allowed=("127.0.0.1",), delays=(0.1, 0.1, 0.1, 0.1)):
    policy = CallbackPolicy(secret=SECRET, allowed_hosts=allowed, timeout=5, delays=delays)
    loop = Callbacks(store=store, messages=Messages(), folder=tmp_path / "bodies", policy=policy)
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()
        assert list((tmp_path / "bodies").iterdir()) == []


def finished(store, url, **ends):
    addresses = Subscriber(success=f"{url}/s", in_progress=f"{url}/p", failed=f"{url}/f")
    job = a_job(request=a_request(subscriber=addresses))
    job = store.add(job, admission=Admission(parallel=9, waiting=9), mode=Mode.ASYNC)
    for state in (State.STARTING, State.RUNNING, State.FINISHING):
        job = store.move(job, state)
    return store.move(job, State.SUCCEEDED, Move(**ends))


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def left(store):
    from datetime import UTC, datetime

    return store.callbacks(datetime(9000, 1, 1, tzinfo=UTC), limit=10)


def test_a_subscriber_is_told_in_order_and_can_check_who_tells(store, tmp_path):
    subscriber = Subscribed()
    with subscriber.listening() as url, telling(store, tmp_path):
        job = finished(store, url)
        until(lambda: len(subscriber.seen) == 2)
        until(lambda: not left(store))
    assert subscriber.paths() == ["/p", "/s"]
    ids = []
    for _, headers, body in subscriber.seen:
        given = {name.lower(): value for name, value in headers.items()}
        ids.append(given["webhook-id"])
        signed = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert given["webhook-signature"] == f"v1,{expected}"
        assert given["content-type"] == "application/json"
        assert abs(int(given["webhook-timestamp"]) - time.time()) < 60
    assert len(set(ids)) == 2
    assert all(known.startswith(job.id) for known in ids)
    assert subscriber.seen[1][2] == b'{"state":"succeeded"}'


@pytest.mark.parametrize("status", [500, 404, 302, 307])
def test_what_is_not_taken_is_told_again_under_the_same_identifier(store, tmp_path, status):
    subscriber = Subscribed(status=status)
    with subscriber.listening() as url, telling(store, tmp_path):
        finished(store, url)
        until(lambda: subscriber.paths().count("/s") >= 2)
        subscriber.status = 204
        until(lambda: not left(store))
    ids = {headers["webhook-id"] for path, headers, _ in subscriber.seen if path == "/s"}
    assert len(ids) == 1


def test_old_news_are_not_told_again(store, tmp_path):
    subscriber = Subscribed(status=500)
    with subscriber.listening() as url, telling(store, tmp_path, delays=(0.1, 0.1)):
        finished(store, url)
        until(lambda: not left(store))
    assert subscriber.paths().count("/p") == 1


def test_who_never_answers_is_given_up(store, tmp_path):
    subscriber = Subscribed(status=500)
    with subscriber.listening() as url, telling(store, tmp_path, delays=(0.1, 0.1)):
        finished(store, url)
        until(lambda: not left(store))
    assert subscriber.paths().count("/s") == 3


def test_the_next_server_goes_on(store, tmp_path):
    subscriber = Subscribed()
    with subscriber.listening() as url:
        pass  # nobody listens there now
    finished(store, url)
    with telling(store, tmp_path, delays=(0.1,) * 1000):
        time.sleep(1)
    assert len(left(store)) >= 1
    with subscriber.listening(), telling(store, tmp_path):
        until(lambda: not left(store))
    assert subscriber.paths()[-1] == "/s"


@pytest.mark.parametrize("allowed", [(), ("10.0.0.0/8",), ("localhost",)])
def test_the_guard_stands_before_subscribers(store, tmp_path, allowed):
    subscriber = Subscribed()
    with subscriber.listening() as url, telling(store, tmp_path, allowed=allowed, delays=(0.1,)):
        finished(store, url)
        until(lambda: not left(store))
    assert subscriber.seen == []


def test_nobody_is_told_of_a_job_that_is_gone(store, tmp_path):
    subscriber = Subscribed()
    with subscriber.listening() as url:
        job = finished(store, url)
        store.delete(job.id)
        with telling(store, tmp_path):
            time.sleep(0.8)
    assert subscriber.seen == []


def test_one_slow_subscriber_keeps_nobody_else_waiting(store, tmp_path):
    quick = Subscribed()
    with quick.listening() as url, telling(store, tmp_path):
        finished(store, "http://127.0.0.1:9")  # refused at once, told again and again
        finished(store, url)
        until(lambda: quick.paths() == ["/p", "/s"])
