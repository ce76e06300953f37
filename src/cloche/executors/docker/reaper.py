"""Removes containers and their directories behind everybody's back, again and again until they are gone."""

import threading
import time
from collections.abc import Callable

import structlog

from cloche.executors.docker.daemon import Daemon, Denied, Missing, Seen
from cloche.executors.docker.places import Places
from cloche.executors.docker.recipe import OWNER, SLOT
from cloche.ports.executor import Unreachable

log = structlog.get_logger(__name__)

_SWEEP_EVERY_S = 60.0
LEAD_S = 0.1
"""How long making and removing containers, which keep a processor busy, wait for a job that has just begun or ended."""
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0


class Reaper:
    """One thread for all removals. ``expect`` names containers that are somebody's, ``discard`` what is nobody's.

    Now and then it looks at all containers with the owner's label and removes those that are nobody's: what a daemon
    made after it was not waited for any longer, what another server left behind. ``is_job`` says of such a one that it
    may still be a job's, ``is_over`` of a name that the server which gave it is gone.
    """

    def __init__(
        self,
        daemon: Daemon,
        dirs: Places,
        owner: str,
        *,
        is_job: Callable[[Seen], bool],
        is_over: Callable[[str], bool],
    ) -> None:
        self._daemon = daemon
        self._places = dirs
        self.label = f"{OWNER}={owner}"
        self._is_job = is_job
        self._is_over = is_over
        self._expected: set[str] = set()
        self._doomed: dict[str, str] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._sweep_at = time.monotonic() + _SWEEP_EVERY_S

    def expect(self, name: str) -> None:
        """A container of that name is or will be somebody's."""
        with self._changed:
            self._expected.add(name)

    def settle(self, name: str) -> None:
        """It has become a job's: what is left at its name is the directory that the job had before."""
        self._add(name, "")

    def discard(self, name: str, container: str = "") -> None:
        """Remove the container, by its identifier where the name could not be meant, and its directory. Idempotent."""
        self._add(name, container or name)

    def sweep(self) -> None:
        """Remove every container of the owner that is nobody's, and directories without one. Raises Unreachable."""
        with self._changed:
            expected = set(self._expected)
        listed = self._daemon.labelled(self.label)
        slots = {seen.labels.get(SLOT) for seen in listed}
        for name in [*self._places.names()]:
            over = name not in expected and self._is_over(name)
            if over and not (name in slots and self._places.is_held(name)):
                self.settle(name)
        for seen in listed:
            name = seen.labels.get(SLOT, "")
            if name in expected or self._is_job(seen):
                continue
            log.info("container removed that belongs to no job", container=seen.id[:12], state=seen.words)
            self.discard(name or seen.id, seen.id)

    def close(self, timeout: float) -> None:
        """Finish what can be finished within ``timeout`` seconds."""
        with self._changed:
            self._closing = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout)

    def _add(self, name: str, container: str) -> None:
        with self._changed:
            if not self._doomed.get(name):
                self._doomed[name] = container
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="cloche-reaper", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while self._is_due():
            with self._changed:
                doomed = list(self._doomed.items())
            left = [name for name, container in doomed if not self._end(name, container)]
            if not left:
                pause = _FIRST_PAUSE_S
            elif self._closing:
                return
            else:
                with self._changed:
                    self._changed.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            self._sweep_if_due()

    def _is_due(self) -> bool:
        """Wait for something to do; False: it is all done, and there will be no more."""
        with self._changed:
            while not self._doomed and not self._closing and time.monotonic() < self._sweep_at:
                self._changed.wait(max(0.01, self._sweep_at - time.monotonic()))
            # the answer of its job goes first
            self._changed.wait_for(lambda: self._closing, LEAD_S)
            return bool(self._doomed) or not self._closing

    def _end(self, name: str, container: str) -> bool:
        """Whether nothing is left of it."""
        try:
            if container:
                self._daemon.remove(container)
            self._places.remove(name)
        except Missing:
            pass
        except (Denied, Unreachable, OSError) as error:
            log.debug("not removed yet", container=container[:20], reason=str(error))
            return False
        with self._changed:
            self._expected.discard(name)
            if self._doomed.get(name) == container:
                del self._doomed[name]
        return True

    def _sweep_if_due(self) -> None:
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + _SWEEP_EVERY_S
        try:
            self.sweep()
        except (Missing, Denied, Unreachable) as error:
            log.debug("no sweep", reason=str(error))
        except Exception:
            log.exception("sweep failed")
