"""The volume of a work directory in which anything may lie."""

import os
from pathlib import Path

from cloche.runner.scratch import measure


def test_sizes_and_files_are_added_up(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(10_000))
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/b").write_bytes(bytes(50_000))
    volume = measure(str(tmp_path))
    assert 60_000 <= volume.size < 120_000
    assert (volume.files, volume.largest) == (4, 50_000)


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "big").write_bytes(bytes(1 << 20))
    (tmp_path / "inside/link").symlink_to(tmp_path / "big")
    (tmp_path / "inside/folder").symlink_to("/usr")
    (tmp_path / "inside/loop").symlink_to("../inside")
    assert measure(str(tmp_path / "inside")).size < 1 << 16


def test_holes_take_no_room_and_pipes_do_not_block(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(tmp_path / "pipe")
    volume = measure(str(tmp_path))
    assert volume.size < 1 << 16
    assert volume.largest == 1 << 40


def test_it_stops_where_enough_was_seen(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_bytes(bytes(4096))
    assert measure(str(tmp_path), max_files=10).files == 11
    assert measure(str(tmp_path), max_bytes=40_000).passes(40_000, None)


def test_a_bottomless_tree_is_more_than_any_maximum(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(150):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    assert measure(str(tmp_path)).passes(None, 10**12)
