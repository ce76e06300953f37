"""When the disk is looked at again, and who has to end when it is full."""

import os
from pathlib import Path

import pytest

from cloche.model.limits import Limits
from cloche.runner import disk
from cloche.runner.breaches import Stopped
from cloche.runner.disk import FASTEST, LONGEST_S, SHORTEST_S, DiskWatch

MIB = 1 << 20


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.free = 1 << 40


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(disk.time, "monotonic", lambda: made.now)
    monkeypatch.setattr(disk, "_free", lambda _: made.free)
    return made


def watch(folder: Path, **limits: int) -> DiskWatch:
    return DiskWatch(str(folder), Limits(**limits), list)


def wait(looking: DiskWatch, clock: Clock) -> float:
    """Seconds until the next look, which is now."""
    assert looking.due is not None
    before, clock.now = clock.now, looking.due
    return clock.now - before


def test_without_limits_nobody_looks(tmp_path: Path, clock: Clock) -> None:
    assert watch(tmp_path).due is None


def test_the_less_room_is_left_the_sooner_is_the_next_look(tmp_path: Path, clock: Clock) -> None:
    assert wait(watch(tmp_path, scratch=100 << 30), clock) == pytest.approx(LONGEST_S)
    assert wait(watch(tmp_path, scratch=FASTEST // 10), clock) == pytest.approx(0.1)
    assert wait(watch(tmp_path, scratch=MIB), clock) == pytest.approx(SHORTEST_S)


def test_the_directory_is_walked_when_as_much_is_gone_as_there_is_room(tmp_path: Path, clock: Clock) -> None:
    looking = watch(tmp_path, scratch=FASTEST // 10)
    (tmp_path / "large").write_bytes(bytes(2 * MIB))
    os.truncate(tmp_path / "large", FASTEST)  # sparse: it takes no room
    wait(looking, clock)
    clock.free -= FASTEST // 10
    assert looking.look() is None
    assert wait(looking, clock) == pytest.approx(0.1, rel=0.2), "most of the room is still there"


def test_more_than_allowed_is_found_at_the_next_look_after_it_was_written(tmp_path: Path, clock: Clock) -> None:
    looking = watch(tmp_path, scratch=8 * MIB)
    wait(looking, clock)
    assert looking.look() is None
    (tmp_path / "part").write_bytes(bytes(9 * MIB))
    clock.free -= 9 * MIB
    assert wait(looking, clock) == pytest.approx(SHORTEST_S)
    assert looking.look() is Stopped.SCRATCH


def test_whoever_holds_more_than_is_left_ends(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "mine").write_bytes(bytes(9 * MIB))
    looking = watch(tmp_path, free_space=100 * MIB)
    clock.free = 101 * MIB
    wait(looking, clock)
    assert looking.look() is None
    clock.free = 50 * MIB
    assert looking.look() is None, "others hold more"
    clock.free = 8 * MIB
    assert looking.look() is Stopped.FREE_SPACE


def test_files_without_a_name_count_while_they_are_open(tmp_path: Path, clock: Clock) -> None:
    looking = DiskWatch(str(tmp_path), Limits(scratch=MIB), lambda: [os.getpid()])
    with (tmp_path / "gone").open("wb") as file:
        (tmp_path / "gone").unlink()
        file.write(bytes(2 * MIB))
        file.flush()
        clock.now += LONGEST_S
        assert looking.look() is Stopped.SCRATCH
    clock.now += LONGEST_S
    assert looking.look() is None


def test_empty_files_count_too(tmp_path: Path, clock: Clock) -> None:
    for number in range(300):
        (tmp_path / str(number)).touch()
    looking = watch(tmp_path, scratch=MIB)
    clock.now += LONGEST_S
    assert looking.look() is Stopped.SCRATCH
