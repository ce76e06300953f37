"""Tells subscribers of their jobs: what the store keeps for them is posted, signed, and tried again until it arrives.

Signatures are those of Standard Webhooks: ``webhook-id``, ``webhook-timestamp``, and in ``webhook-signature`` the
HMAC-SHA256 of both and the body. The identifier is the same at every try, so that receivers know a repetition.
"""

import base64
import hashlib
import hmac
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import structlog

from cloche.engine import addresses
from cloche.engine.decoders import PIECE, Receiver
from cloche.engine.download import Order, Timeouts, Unavailable, download, parse_url
from cloche.engine.loops import LoopThread
from cloche.model.errors import ClocheError, NoSuchJob, SizeExceeded
from cloche.model.job import JobId
from cloche.model.state import ENDED
from cloche.ports.callbacks import Messages
from cloche.ports.store import Callback, JobStore, StoreUnavailable

log = structlog.get_logger("cloche.engine.callbacks")

DELAYS = (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)
"""Seconds before each further try; after the last one it is given up."""

_LOOK_S = 0.5
_AT_ONCE = 100
_THREADS = 4
_MOST_ANSWER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPolicy:
    """``secret`` signs; ``allowed_hosts`` as for references. ``timeout`` in seconds bounds one try."""

    secret: bytes
    allowed_hosts: tuple[str, ...] = ()
    timeout: float = 30.0
    delays: Sequence[float] = DELAYS


class Callbacks:
    """One loop that looks for what is due, and a few threads that post it. ``folder`` holds bodies on their way."""

    def __init__(self, *, store: JobStore, messages: Messages, folder: Path, policy: CallbackPolicy) -> None:
        self._store = store
        self._messages = messages
        self._folder = folder
        self._policy = policy
        self._guard = addresses.guard(policy.allowed_hosts)
        self._network = LoopThread("callbacks-network")
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="callbacks")
        self._under_way: set[JobId] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._loop = threading.Thread(target=self._run, name="cloche-callbacks", daemon=True)

    def start(self) -> None:
        """Begin with what an earlier server left."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for left in self._folder.iterdir():
            left.unlink(missing_ok=True)
        self._loop.start()

    def stop(self) -> None:
        """End; what was not told yet is told by the next server."""
        self._closing.set()
        self._network.close()
        if self._loop.is_alive():
            self._loop.join(5)
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._closing.wait(_LOOK_S):
            try:
                self._turn()
            except StoreUnavailable as error:
                log.warning("store unavailable", reason=str(error))
            except Exception:
                log.exception("turn failed")

    def _turn(self) -> None:
        due = sorted(self._store.callbacks(datetime.now(UTC), limit=_AT_ONCE), key=lambda c: (c.job, c.number))
        for job, group in groupby(due, key=lambda c: c.job):
            with self._lock:
                free = job not in self._under_way
                self._under_way.add(job)
            if free and not self._closing.is_set():
                self._pool.submit(self._tell_all, job, tuple(group))

    def _tell_all(self, job: JobId, due: Sequence[Callback]) -> None:
        """One job's callbacks one after the other: a subscriber hears the end last."""
        try:
            for callback in due:
                self._tell(callback)
        except StoreUnavailable as error:
            log.warning("store unavailable", job=job, reason=str(error))
        except CancelledError:
            return  # the server ends
        except Exception:
            log.exception("callback failed", job=job)
        finally:
            with self._lock:
                self._under_way.discard(job)

    def _tell(self, callback: Callback) -> None:
        try:
            job = self._store.get(callback.job)
            if callback.state not in ENDED and job.state in ENDED and callback.tries:
                self._store.told(callback)  # old news
                return
            message = self._messages.message(job, callback.state)
            with tempfile.NamedTemporaryFile(dir=self._folder) as body:
                for chunk in message.chunks:
                    body.write(chunk)
                body.flush()
                self._post(callback, Path(body.name), message.media_type)
        except NoSuchJob:
            self._store.told(callback)
        except (Unavailable, ClocheError) as error:
            self._again(callback, str(error))
        else:
            self._store.told(callback)
            log.info("subscriber told", job=callback.job, state=callback.state.value, tries=callback.tries + 1)

    def _post(self, callback: Callback, body: Path, media_type: str) -> None:
        """Raises Unavailable, concurrent.futures.CancelledError."""
        headers = signed(body, f"{callback.job}.{callback.number}", int(time.time()), self._policy.secret)
        order = Order(
            url=parse_url(callback.url), method="POST", headers=headers | {"Content-Type": media_type}, body=body
        )
        seconds = self._policy.timeout
        timeouts = Timeouts(connect=seconds, read=seconds, total=seconds)
        with Path(os.devnull).open("wb") as nowhere:
            receiver = Receiver(nowhere, (), _MOST_ANSWER_BYTES)
            try:
                self._network.run(download(order, receiver, guard=self._guard, timeouts=timeouts, max_redirects=0))
            except SizeExceeded:
                return  # it has answered that it knows; what else it says is not wanted

    def _again(self, callback: Callback, reason: str) -> None:
        if callback.tries >= len(self._policy.delays):
            log.warning("subscriber given up", job=callback.job, state=callback.state.value, reason=reason)
            self._store.told(callback)
            return
        delay = self._policy.delays[callback.tries]
        log.info("subscriber not reached", job=callback.job, reason=reason, again_in=delay)
        self._store.tell_again(callback, datetime.now(UTC) + timedelta(seconds=delay))


def signed(body: Path, id: str, timestamp: int, secret: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks for the bytes of a file."""
    digest = hmac.new(secret, f"{id}.{timestamp}.".encode(), hashlib.sha256)
    with body.open("rb") as file:
        while data := file.read(PIECE):
            digest.update(data)
    signature = base64.b64encode(digest.digest()).decode()
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
