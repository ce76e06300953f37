"""The record of an execution's end, for which room is taken before there is anything to record.

The file that is the supervisor's lock while the execution runs becomes ``ctl/exit.json``: written in place, where it
has its room already, and renamed. So an end is told on a disk that has become full.
"""

import errno
import json
import os
import time
from collections.abc import Callable

from cloche.jobdir.records import ExitRecord

FULL = (errno.ENOSPC, errno.EDQUOT)
PATIENCE_S = 20.0
_AGAIN_S = 0.25
ROOM = 4096
"""Bytes: a block of most file systems. Every record fits in it, see ``_plain``."""
_MAX_BREACH, _MAX_MESSAGE = 100, 500  # characters


def reserve(descriptor: int) -> None:
    """Take the room. Raises OSError if there is none and none comes soon."""
    _patiently(lambda: _write(descriptor, b" " * ROOM))


def conclude(descriptor: int, record: ExitRecord, name: str, final: str) -> None:
    """Write ``record`` into the file ``name``, open as ``descriptor``, and give it its ``final`` name. Raises OSError.

    File systems that never write in place (btrfs) may want other room all the same: it is waited for.
    """
    data = json.dumps(_plain(record), ensure_ascii=False).encode()

    def write() -> None:
        _write(descriptor, data)
        os.ftruncate(descriptor, len(data))
        os.rename(name, final)  # noqa: PTH104 - see supervisor

    _patiently(write)


def _write(descriptor: int, data: bytes) -> None:
    if os.pwrite(descriptor, data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _patiently(step: Callable[[], None]) -> None:
    """Again and again while the disk is full, but not for ever: others clean up as well."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            step()
        except OSError as error:
            if error.errno not in FULL or time.monotonic() > until:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


def _plain(record: ExitRecord) -> dict[str, object]:
    """What ``codec.encode`` makes of it, within ``ROOM``: a character takes up to six bytes of JSON."""
    return {
        "ok": record.ok,
        "code": record.code,
        "signal": record.signal,
        "oom": record.oom,
        "timeout": record.timeout,
        "stopped": record.stopped,
        "breach": record.breach[:_MAX_BREACH],
        "message": record.message[:_MAX_MESSAGE],
        "usage": {
            "cpu_s": record.usage.cpu_s,
            "wall_s": record.usage.wall_s,
            "peak_memory_bytes": record.usage.peak_memory_bytes,
        },
    }
