"""Progress of process code as lines of a file, few enough for whoever follows it."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from cloche.jobdir.records import ProgressRecord
from cloche.model.codec import encode

INTERVAL = 0.2
"""Seconds between messages that bring no new percent."""
MAX_LINES = 5000


class ProgressFile:
    """Appends a line for every new percent, and for a new message now and then.

    At most 100 lines can bring a new percent, so that floods are of messages only and may be thinned out.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._last = ProgressRecord(percent=-1)
        self._next = 0.0
        self._lines = 0

    def __call__(self, percent: int, message: str) -> None:
        """Write it unless nothing is new, or too much is."""
        record = ProgressRecord(percent=percent, message=message or self._last.message)
        now = self._clock()
        further = record.percent > self._last.percent
        if record == self._last or (not further and (now < self._next or self._lines >= MAX_LINES)):
            return
        self._last, self._next = record, now + INTERVAL
        self._lines += 1
        # advisory: a full disk is told by what the process itself cannot write
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(encode(record)) + "\n")
