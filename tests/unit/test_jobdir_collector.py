"""What user code leaves is read as plain files or not at all, by openat2 and by its stand-in alike."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloche.jobdir import collector
from cloche.jobdir.collector import TooLarge, Unsafe, open_untrusted, read_untrusted, read_untrusted_json
from cloche.jobdir.files import RecordError, read_record, write_record
from cloche.jobdir.progress import MAX_FILE_BYTES, ProgressTail
from cloche.jobdir.records import ProgressRecord


@pytest.fixture(params=["openat2", "walk"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "walk":
        monkeypatch.setattr(collector, "_OPENAT2", 100_000)  # a number that no kernel knows
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    return folder


def read(folder: Path, name: str, size: int = 100) -> bytes:
    return read_untrusted(folder, name, max_bytes=size)


@pytest.mark.parametrize("name", ["a", "deep/down/a", "./a", "with space", "ž"])
def test_plain_files_are_read(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"data")
    assert read(folder, name) == b"data"


def link(folder: Path) -> str:
    (folder / "x").symlink_to(folder.parent / "secret")
    return "x"


def link_inside(folder: Path) -> str:
    (folder / "a").write_text("a")
    (folder / "x").symlink_to("a")
    return "x"


def link_above(folder: Path) -> str:
    (folder / "x").symlink_to(folder.parent)
    return "x/secret"


def magic_link(folder: Path) -> str:
    (folder / "x").symlink_to("/proc/self/environ")
    return "x"


def magic_folder(folder: Path) -> str:
    (folder / "x").symlink_to("/proc/self/root")
    return "x/etc/passwd"


def fifo(folder: Path) -> str:
    os.mkfifo(folder / "x")
    return "x"


def hard_link(folder: Path) -> str:
    (folder / "x").hardlink_to(folder.parent / "secret")
    return "x"


def directory(folder: Path) -> str:
    (folder / "x").mkdir()
    return "x"


def below_a_file(folder: Path) -> str:
    (folder / "x").write_text("")
    return "x/y"


def unix_socket(folder: Path) -> str:
    here = Path.cwd()
    os.chdir(folder)  # such addresses are short
    try:
        socket.socket(socket.AF_UNIX).bind("x")
    finally:
        os.chdir(here)
    return "x"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "make",
    [
        link, link_inside, link_above, magic_link, magic_folder, fifo, hard_link, directory, below_a_file, unix_socket,
        lambda folder: "../secret", lambda folder: str(folder.parent / "secret"), lambda folder: ".",
        lambda folder: "", lambda folder: "a\0b", lambda folder: "x" * 300,
    ],
)  # fmt: skip
def test_everything_else_is_refused(folder: Path, make: Callable[[Path], str]) -> None:
    with pytest.raises(Unsafe):
        read(folder, make(folder))


def test_refusals_leak_no_descriptors(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not used
    for make in (link_above, fifo, directory):
        name = make(folder)
        for _ in range(20):
            with pytest.raises(Unsafe):
                read(folder, name)
        (folder / "x").unlink() if make is not directory else (folder / "x").rmdir()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - counted, not used


def test_another_file_system_is_not_entered(folder: Path) -> None:
    with pytest.raises(Unsafe, match="leads out"):
        read(Path("/"), "proc/version")


def test_absence_is_told_apart(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(folder, "absent")
    with pytest.raises(FileNotFoundError):
        read(folder / "absent", "absent")
    assert read_untrusted_json(ProgressRecord, folder, "absent") is None


def test_sizes_are_capped_before_a_byte_is_read(folder: Path) -> None:
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(TooLarge):
        read(folder, "sparse")
    with open_untrusted(folder, "sparse") as descriptor:
        assert os.fstat(descriptor).st_size == 1 << 42
    (folder / "fits").write_bytes(b"x" * 100)
    assert len(read(folder, "fits")) == 100


def test_records_are_checked(folder: Path) -> None:
    write_record(folder / "good", ProgressRecord(percent=3))
    assert read_untrusted_json(ProgressRecord, folder, "good") == ProgressRecord(percent=3)
    for bad in (b"", b"{", b'{"percent": "3"}', b"[" * 100_000, b"\xff", b"1" * 10_000, b'{"percent": 1, "x": 2}'):
        (folder / "bad").write_bytes(bad)
        with pytest.raises(RecordError):
            read_untrusted_json(ProgressRecord, folder, "bad")


def test_records_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "record"
    assert read_record(ProgressRecord, path) is None
    write_record(path, ProgressRecord(percent=1))
    write_record(path, ProgressRecord(percent=2, message="x" * 10))
    assert read_record(ProgressRecord, path) == ProgressRecord(percent=2, message="x" * 10)
    assert [entry.name for entry in tmp_path.iterdir()] == ["record"]
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(RecordError, match="larger than 5 bytes"):
        read_record(ProgressRecord, path, max_bytes=5)
    with pytest.raises(TypeError):
        write_record(path, ProgressRecord(percent=object()))  # type: ignore[arg-type]
    assert read_record(ProgressRecord, path) is not None
    assert [entry.name for entry in tmp_path.iterdir()] == ["record"]


@pytest.fixture
def progress(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work" / "progress.jsonl"


def test_progress_is_followed(progress: Path) -> None:
    tail = ProgressTail(progress.parent.parent)
    assert tail.latest() is None
    progress.write_text('{"percent": 1}\n{"percent": 2}\n{"per')
    assert tail.latest() == ProgressRecord(percent=2)
    assert tail.latest() is None
    progress.write_text('{"percent": 1}\n{"percent": 2}\n{"percent": 3}\n')
    assert tail.latest() == ProgressRecord(percent=3)


def test_only_the_end_of_a_flood_is_looked_at(progress: Path) -> None:
    tail = ProgressTail(progress.parent.parent)
    progress.write_text('{"percent": 1}\n' * 500_000 + '{"percent": 7}\n')
    begin = time.perf_counter()
    assert tail.latest() == ProgressRecord(percent=7)
    assert time.perf_counter() - begin < 0.1


@pytest.mark.parametrize("text", ['{"percent": 101}', '{"percent": -1}', "x" * 9000, "{}", '{"percent": true}', ""])
def test_nonsense_is_no_progress(progress: Path, text: str) -> None:
    progress.write_text(f"{text}\n")
    assert ProgressTail(progress.parent.parent).latest() is None


def test_a_line_without_an_end_does_not_stop_the_rest(progress: Path) -> None:
    tail = ProgressTail(progress.parent.parent)
    progress.write_text("x" * 300_000)
    assert tail.latest() is None
    with progress.open("a") as file:
        file.write('\n{"percent": 5}\n')
    assert tail.latest() == ProgressRecord(percent=5)


def test_an_absurd_file_is_left_alone(progress: Path) -> None:
    with progress.open("w") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert ProgressTail(progress.parent.parent).latest() is None
