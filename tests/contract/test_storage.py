"""The contract of ports.storage.Storage, on the storages that implement it."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloche.model.errors import NotEnoughStorage
from cloche.storage import FileStorage


@pytest.fixture
def storage(tmp_path: Path) -> FileStorage:
    return FileStorage(tmp_path / "results")


@contextmanager
def source(tmp_path: Path, data: bytes) -> Iterator[int]:
    path = tmp_path / "source"
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def put(storage: FileStorage, tmp_path: Path, data: bytes, job: str = "j", name: str = "n") -> int:
    with source(tmp_path, data) as descriptor:
        return storage.put(job, name, descriptor, media_type="text/plain")


@pytest.mark.parametrize("data", [b"", b"hello", os.urandom(700_000)])
def test_what_is_put_can_be_read(storage: FileStorage, tmp_path: Path, data: bytes) -> None:
    assert put(storage, tmp_path, data) == len(data) == storage.size("j", "n")
    assert b"".join(storage.read("j", "n")) == data
    path = storage.path("j", "n")
    assert path is not None
    assert path.read_bytes() == data


def test_all_bytes_count_wherever_the_descriptor_stands(storage: FileStorage, tmp_path: Path) -> None:
    with source(tmp_path, b"hello") as descriptor:
        os.read(descriptor, 3)
        storage.put("j", "n", descriptor, media_type="")
    assert b"".join(storage.read("j", "n")) == b"hello"


def test_sources_on_another_file_system_are_copied(storage: FileStorage) -> None:
    descriptor = os.memfd_create("source")
    os.write(descriptor, b"x" * 500_000)
    assert storage.put("j", "n", descriptor, media_type="") == 500_000
    os.close(descriptor)
    assert storage.size("j", "n") == 500_000


def test_a_second_put_replaces_the_first(storage: FileStorage, tmp_path: Path) -> None:
    put(storage, tmp_path, b"a longer first")
    put(storage, tmp_path, b"second")
    assert b"".join(storage.read("j", "n")) == b"second"


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 4, b"3456"), (8, 9, b"89"), (20, 1, b""), (2, 0, b"")],
)
def test_ranges(storage: FileStorage, tmp_path: Path, start: int, length: int | None, expected: bytes) -> None:
    put(storage, tmp_path, b"0123456789")
    assert b"".join(storage.read("j", "n", start=start, length=length)) == expected


@pytest.mark.parametrize("name", ["", ".", "..", "../j/n", "a/b", "/etc/passwd", "a\0", ".hidden", "x" * 300])
def test_no_name_leads_anywhere_else(storage: FileStorage, tmp_path: Path, name: str) -> None:
    put(storage, tmp_path, b"data")
    for job, file in ((name, "n"), ("j", name)):
        with pytest.raises(FileNotFoundError):
            storage.read(job, file)
        with pytest.raises(FileNotFoundError):
            storage.size(job, file)
        with pytest.raises(FileNotFoundError):
            put(storage, tmp_path, b"x", job, file)
        assert storage.path(job, file) is None


def test_what_is_absent_is_said_before_the_first_byte(storage: FileStorage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read("j", "n")
    with pytest.raises(FileNotFoundError):
        storage.size("j", "n")
    assert storage.path("j", "n") is None


def test_a_deleted_job_has_no_files_and_others_keep_theirs(storage: FileStorage, tmp_path: Path) -> None:
    put(storage, tmp_path, b"1", "one")
    put(storage, tmp_path, b"2", "two")
    assert sorted(storage.jobs()) == ["one", "two"]
    storage.delete("one")
    storage.delete("one")
    assert list(storage.jobs()) == ["two"]


def test_a_result_can_be_read_while_it_is_deleted(storage: FileStorage, tmp_path: Path) -> None:
    put(storage, tmp_path, b"x" * 1_000_000)
    chunks = storage.read("j", "n")
    first = next(chunks)
    storage.delete("j")
    assert len(first + b"".join(chunks)) == 1_000_000


def test_a_reader_that_asks_for_nothing_holds_no_descriptor(storage: FileStorage, tmp_path: Path) -> None:
    put(storage, tmp_path, b"x")
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(10):
        storage.read("j", "n")
    assert len([*Path("/proc/self/fd").iterdir()]) == before


NO_ROOM = """
import resource, signal, sys, os
from pathlib import Path
from cloche.model.errors import NotEnoughStorage
from cloche.storage import FileStorage
storage = FileStorage(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    storage.put("j", "n", os.open(sys.argv[2], os.O_RDONLY), media_type="")
except NotEnoughStorage as error:
    print(error.text)
"""


def test_no_room_leaves_nothing_behind(storage: FileStorage, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 300_000)
    put(storage, tmp_path, b"the old one")
    program = [sys.executable, "-c", NO_ROOM, str(tmp_path / "results"), str(tmp_path / "big")]
    printed = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert "no room" in printed
    assert b"".join(storage.read("j", "n")) == b"the old one"
    assert [path.name for path in (tmp_path / "results" / "j").iterdir()] == ["n"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_full_disk_is_said_to_be_full(storage: FileStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(NotEnoughStorage):
        put(storage, tmp_path, b"data")
    assert storage.path("j", "n") is None
