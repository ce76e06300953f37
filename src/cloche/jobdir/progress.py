"""Follows ``work/progress.jsonl`` while user code writes it: advisory, capped, checked line by line."""

import os
from pathlib import Path

from cloche.jobdir.collector import Unsafe, open_untrusted
from cloche.jobdir.files import RecordError, parse_record
from cloche.jobdir.layout import HERE
from cloche.jobdir.records import ProgressRecord

MAX_LINE_BYTES = 4096
MAX_LOOK_BYTES = 64 << 10
MAX_FILE_BYTES = 16 << 20
_NAME = str(HERE.progress)


class ProgressTail:
    """Reads what was added since the last look."""

    def __init__(self, jobdir: Path) -> None:
        self._jobdir = jobdir
        self._offset = 0

    def latest(self) -> ProgressRecord | None:
        """The last valid line that is complete and new, or None. Never raises: what cannot be read says nothing."""
        lines = self._look().split(b"\n")
        for line in reversed(lines):
            if line and len(line) <= MAX_LINE_BYTES and (record := _record(line)) is not None:
                return record
        return None

    def _look(self) -> bytes:
        """Whole new lines. Of a flood only the end is looked at; the file is left alone once it is absurdly large."""
        try:
            with open_untrusted(self._jobdir, _NAME, max_bytes=MAX_FILE_BYTES) as descriptor:
                begin = max(self._offset, os.fstat(descriptor).st_size - MAX_LOOK_BYTES)
                data = os.pread(descriptor, MAX_LOOK_BYTES, begin)
        except (OSError, Unsafe):
            return b""
        whole = data[: data.rfind(b"\n") + 1]
        self._offset = begin + len(whole)
        return whole


def _record(line: bytes) -> ProgressRecord | None:
    try:
        record = parse_record(ProgressRecord, line, name="progress")
    except RecordError:
        return None
    return record if 0 <= record.percent <= 100 else None
