"""Ready answers, kept while what is published does not change."""

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Shelf(Generic[V]):
    """A bounded cache of values that are good for one ``version``. Any thread.

    It is emptied when it is full: what is asked for often is back at once, and a hit costs one look-up.
    """

    def __init__(self, *, entries: int, total_bytes: int) -> None:
        self._entries = entries
        self._total = total_bytes
        self._version: object = None
        self._values: dict[Hashable, V] = {}
        self._held = 0
        self._lock = threading.Lock()

    def get(self, version: object, key: Hashable) -> V | None:
        """The value under ``key``, if it was put for the same version."""
        return self._values.get(key) if version == self._version else None

    def put(self, version: object, key: Hashable, value: V, *, size: int) -> None:
        """Keep ``value``, which takes ``size`` bytes."""
        with self._lock:
            if version != self._version or len(self._values) >= self._entries or self._held + size > self._total:
                self._values = {}  # who looks just now goes on with the old one
                self._held = 0
                self._version = version
            if size <= self._total:
                self._values[key] = value
                self._held += size
