"""The tasks that an executor has in containers: followed to their end by the kernel's word, where that can be had."""

import functools
import os
import threading
from collections.abc import Callable

from cloche.executors._processes import pids
from cloche.executors._processes.watch import Watch
from cloche.executors.docker.handles import Occupied
from cloche.executors.docker.slots import proven
from cloche.ports.executor import Handle


class Followed:
    """Every method from any thread."""

    def __init__(self) -> None:
        self._boot = pids.boot_id()
        self._watch = Watch()
        self._lock = threading.Lock()
        self._watched: set[str] = set()
        self._dead: set[str] = set()
        self._held: dict[str, str] = {}
        self.on_change: Callable[[str], None] = lambda _: None

    def begin(self, key: str, container: str, pidfd: int | None) -> None:
        """A task has begun; own the descriptor of its container's first process."""
        with self._lock:
            self._held[key] = container
        if pidfd is not None:
            self._follow(key, pidfd)

    def adopt(self, handle: Handle) -> Handle:
        """The same, followed from now on if it was not, and can be."""
        occupied = Occupied.of(handle)
        with self._lock:
            self._held.setdefault(handle.key, occupied.holder.container)
            unknown = handle.key not in self._watched and handle.key not in self._dead
        if unknown and (descriptor := self.own(occupied)) is not None:
            self._follow(handle.key, descriptor)
        return handle

    def own(self, occupied: Occupied) -> int | None:
        """A descriptor of the container's first process, if that lives and is in our sight."""
        holder = occupied.holder
        if holder.boot != self._boot:
            return None
        descriptor, ticks = proven(holder.pid, holder.container)
        if descriptor is None or ticks == holder.start_ticks:
            return descriptor
        os.close(descriptor)
        return None

    def tell(self, occupied: Occupied, number: int, value: int) -> bool:
        """Send the supervisor a signal with a number; False where it cannot be seen from here, or not be told."""
        descriptor = self.own(occupied)
        if descriptor is None:
            return False
        try:
            pids.queue_signal(descriptor, number, value, turn=1)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def is_dead(self, key: str) -> bool:
        """Whether its end was seen. False: it lives, or is not followed."""
        with self._lock:
            return key in self._dead

    def has(self, container: str) -> bool:
        """Whether the container is that of a task."""
        with self._lock:
            return container in self._held.values()

    def forget(self, key: str) -> None:
        """It has been released. Idempotent."""
        with self._lock:
            self._dead.discard(key)
            self._held.pop(key, None)

    def close(self) -> None:
        """Follow none any more. Idempotent."""
        self._watch.close()

    def _follow(self, key: str, pidfd: int) -> None:
        with self._lock:
            self._watched.add(key)
        self._watch.add(pidfd, functools.partial(self._ended, key))

    def _ended(self, key: str) -> None:
        with self._lock:
            self._watched.discard(key)
            self._dead.add(key)
        self.on_change(key)
