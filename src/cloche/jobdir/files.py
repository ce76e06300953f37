"""Records of the job directory as files: written whole or not at all, read with a cap."""

import json
import os
import threading
import time
from pathlib import Path
from typing import TypeVar

from cloche.model import codec
from cloche.model.codec import CodecError, decode

Record = TypeVar("Record")

MAX_RECORD_BYTES = 4 << 20


class RecordError(ValueError):
    """The file is no valid record: too large, not JSON, or of another shape."""


def write_record(path: Path, record: object) -> None:
    """Write ``record`` as JSON: under another name first, then by rename, readable by everybody who may enter.

    Readers see the old file, the new one or none, whatever is killed. There is no fsync: what a crash of the host
    leaves is told by the boot id that goes with every job, never by looking at the files.
    """
    data = codec.dump(record).encode()
    # not by tempfile: its random names take longer than all the rest in a process just forked
    temporary = f"{path.parent}/.{path.name}.{os.getpid()}.{threading.get_native_id()}.{time.monotonic_ns()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, 0o644)
        os.replace(temporary, path)  # noqa: PTH105 - see above
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_record(kind: type[Record], path: Path, *, max_bytes: int = MAX_RECORD_BYTES) -> Record | None:
    """The record in a file of a trusted writer, or None where there is no such file. Raises RecordError.

    What user code could have written goes through ``collector`` instead.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    return parse_record(kind, data, name=path.name, max_bytes=max_bytes)


def parse_record(kind: type[Record], data: bytes, *, name: str, max_bytes: int = MAX_RECORD_BYTES) -> Record:
    """The record in ``data``; ``name`` is for the message. Raises RecordError."""
    if len(data) > max_bytes:
        raise RecordError(f"{name} is larger than {max_bytes} bytes")
    try:
        return decode(kind, json.loads(data))
    except (CodecError, ValueError, RecursionError) as error:  # ValueError: JSON, UTF-8, integers of absurd length
        raise RecordError(f"{name}: {error}") from None
