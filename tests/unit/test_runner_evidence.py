"""The record of an end fits where room was taken for it."""

import errno
import json
import os
from pathlib import Path

import pytest

from cloche.jobdir.files import read_record
from cloche.jobdir.records import ExitRecord
from cloche.model.job import Usage
from cloche.runner import evidence

USAGE = Usage(cpu_s=0.1, wall_s=1e9 / 3, peak_memory_bytes=1 << 62)


@pytest.fixture
def lock(tmp_path: Path):
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("character", ["x", "\0", "é", "\U0001f642", '"'])
def test_the_longest_record_fits_in_the_room(lock: int, tmp_path: Path, character: str) -> None:
    record = ExitRecord(ok=False, code=1, breach=character * 9999, message=character * 9999, usage=USAGE)
    evidence.reserve(lock)
    evidence.conclude(lock, record, str(tmp_path / "lock"), str(tmp_path / "exit"))
    written = (tmp_path / "exit").read_bytes()
    assert len(written) <= evidence.ROOM
    assert json.loads(written)["message"] == character * 500
    read = read_record(ExitRecord, tmp_path / "exit")
    assert read is not None
    assert (read.ok, read.code, read.usage) == (False, 1, USAGE)
    assert not (tmp_path / "lock").exists()


def test_room_is_waited_for_but_not_for_ever(lock: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    real = os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        tries.append(len(data))
        if len(tries) < 3:
            raise OSError(errno.EDQUOT, "quota")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    evidence.reserve(lock)
    assert tries == [evidence.ROOM] * 3
    monkeypatch.setattr(evidence, "PATIENCE_S", 0.0)
    tries.clear()
    with pytest.raises(OSError, match="quota"):
        evidence.reserve(lock)
    assert len(tries) == 1


def test_another_error_is_not_waited_for(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(OSError, match=r"Bad file descriptor|directory"):
            evidence.reserve(descriptor)
    finally:
        os.close(descriptor)
