"""Clients that ask for jobs and have wishes, while the server dies under their hands."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.soak.http import Answer, CutOff, Down
from bench.soak.plan import Item
from bench.soak.records import Records
from bench.soak.server import Server
from bench.soak.tongues import Odd
from cloche.model.state import ENDED, State

_LOOK_S = 0.05
_PATIENCE_S = 300.0
_GONE = (404, 410)


@dataclass(slots=True)
class Log:
    """What clients have seen. ``jobs``: which item each became, by identifier."""

    jobs: dict[str, Item] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    begun: int = 0


class Clients:
    """``at_once`` of them, with at most ``open_jobs`` jobs that have not ended."""

    def __init__(self, server: Server, items: Iterable[Item], *, at_once: int, open_jobs: int) -> None:
        self.log = Log()
        self._server = server
        self._records = Records(server.datadir)
        self._items = iter(items)
        self._open_jobs = open_jobs
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, name=f"client-{n}") for n in range(at_once)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        """Whether one is still at work."""
        return any(thread.is_alive() for thread in self._threads)

    def _next(self) -> Item | None:
        with self._lock:
            item = next(self._items, None)
            self.log.begun += item is not None
            return item

    def _count(self, what: str) -> None:
        with self._lock:
            self.log.counts[what] += 1

    def _work(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._await_room()
                job = self._submit(item)
                self._wishes(item, job)
            except Exception as error:  # noqa: BLE001 - the thread's last edge: the report has it
                with self._lock:
                    self.log.problems.append(f"{item.kind.name} ({item.text}): {type(error).__name__}: {error}")

    def _await_room(self) -> None:
        while self._records.open() >= self._open_jobs:
            time.sleep(_LOOK_S)

    def _submit(self, item: Item) -> str:
        """The identifier of the one job that it became."""
        tries = 0
        asked = item
        while True:
            job = self._try(asked)
            if job is not None:
                with self._lock:
                    self.log.jobs[job] = asked
                return job
            tries += 1
            asked = item.again(tries)

    def _try(self, item: Item) -> str | None:
        """None: it did not become a job."""
        while True:
            try:
                answer = item.tongue.execute(self._server.line, item.request)
            except Down:
                time.sleep(_LOOK_S)
                continue
            except CutOff:
                return self._after_cut(item)
            if answer.status == 503 or "ServerBusy" in answer.text:
                self._count("refused as busy")
                time.sleep(0.5)
                continue
            return self._answered(item, answer)

    def _after_cut(self, item: Item) -> str | None:
        """The server is dead; whatever it had written is there when the next one answers."""
        self._server.line.insist(lambda: self._server.line.ask("GET", "/healthz"))
        found = self._records.jobs_with(item.text)
        if len(found) > 1:
            raise Odd(f"one request became the jobs {found}")
        self._count("cut off, became a job" if found else "cut off, no job")
        return found[0] if found else None

    def _answered(self, item: Item, answer: Answer) -> str:
        if not item.waits:
            self._count(f"accepted over {item.tongue.name}")
            return item.tongue.job(answer)
        self._count(f"waited for over {item.tongue.name}")
        found = self._records.jobs_with(item.text)
        if len(found) != 1:
            raise Odd(f"one request became the jobs {found}: {answer}")
        told = item.text if item.kind.ends is State.SUCCEEDED else item.kind.reason.format(item.text)
        if told not in answer.text:
            with self._lock:
                self.log.problems.append(f"{item.kind.name} ({found[0]}): {told!r} is not in {answer}")
        return found[0]

    def _wishes(self, item: Item, job: str) -> None:
        for word in item.kind.wishes:
            if word in (State.RUNNING, State.PAUSED):
                if not self._await_state(job, State(word)):
                    self._count(f"had ended before it was {word}")
                    return
            elif not self._wish(item, job, word):
                self._count(f"had ended before it could be told to {word}")
                return

    def _await_state(self, job: str, state: State) -> bool:
        """False: it has ended."""
        until = time.monotonic() + _PATIENCE_S
        while (now := self._records.state(job)) is not state:
            if now is None or now in ENDED:
                return False
            if time.monotonic() > until:
                raise Odd(f"job {job} is {now}, and not {state}, for {_PATIENCE_S} s")
            time.sleep(_LOOK_S)
        return True

    def _wish(self, item: Item, job: str, word: str) -> bool:
        """False: it has ended."""
        line = self._server.line
        answer = line.insist(lambda: item.tongue.wish(line, word, job))
        if answer.status == 200 and "ExceptionReport" not in answer.text:
            self._count(f"asked to {word}")
            return True
        state = self._records.state(job)
        if answer.status in _GONE or (state in ENDED) or (word == "dismiss" and "NoSuchJob" in answer.text):
            # of two dismissals, the first of which was cut off, the second finds nothing
            return False
        raise Odd(f"job {job} ({state}) could not be told to {word}: {answer}")
