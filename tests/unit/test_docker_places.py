"""Directories that become jobs' directories."""

import os
from pathlib import Path

import pytest

from cloche.executors.docker import code, places
from cloche.executors.docker.places import Holder, Places
from cloche.executors.docker.slots import Names
from cloche.jobdir.layout import Layout
from cloche.jobdir.workspace import JobDirs


@pytest.fixture
def job(tmp_path: Path) -> Path:
    dirs = JobDirs(tmp_path / "data")
    dirs.adopt("job", None)
    layout = Layout(dirs.jobdir("job"))
    layout.request.write_text("{}")
    (layout.inputs / "a.xml").write_text("<a/>")
    return layout.root


@pytest.fixture
def made(tmp_path: Path) -> Places:
    return Places(tmp_path / "data/slots", None)


def test_a_place_becomes_the_job_directory_itself(made: Places, job: Path) -> None:
    place = made.make("one")
    inode = place.stat().st_ino
    made.hand_over("one", job)
    assert job.stat().st_ino == inode
    layout = Layout(job)
    assert layout.request.read_text() == "{}"
    assert (layout.inputs / "a.xml").read_text() == "<a/>"
    assert layout.out.is_dir()
    assert layout.ctl.is_dir()


def test_what_the_job_had_before_can_be_removed(made: Places, job: Path) -> None:
    made.make("one")
    made.hand_over("one", job)
    made.remove("one")
    assert list(made.names()) == []
    assert (Layout(job).inputs / "a.xml").stat().st_nlink == 1


def test_a_second_place_takes_over_from_the_first(made: Places, job: Path) -> None:
    for name in ("one", "two"):
        places.note(made.make(name), Holder(container=name, boot="b"))
    made.hand_over("one", job)
    made.hand_over("two", job)
    assert places.holder(job) == Holder(container="two", boot="b")
    assert Layout(job).request.read_text() == "{}"


def test_a_hand_over_that_fails_leaves_the_job_as_it_was(made: Places, job: Path) -> None:
    place = made.make("one")
    Layout(place).request.write_text("in the way")
    inode = job.stat().st_ino
    with pytest.raises(FileExistsError):
        made.hand_over("one", job)
    assert job.stat().st_ino == inode
    assert Layout(job).request.read_text() == "{}"


def test_who_holds_a_directory(made: Places, job: Path) -> None:
    place = made.make("one")
    assert places.holder(place) is None
    assert not made.is_held("one")
    places.note(place, Holder(container="c", boot="b", pid=7, start_ticks=9))
    assert made.is_held("one")
    made.hand_over("one", job)
    assert places.holder(job) == Holder(container="c", boot="b", pid=7, start_ticks=9)
    assert not made.is_held("one"), "what has the name now is the directory that the job had"


def test_a_holder_that_makes_no_sense_is_none(made: Places) -> None:
    place = made.make("one")
    Layout(place).holder.write_text("[]")
    assert places.holder(place) is None
    assert places.holder(place / "nowhere") is None


def test_the_exchange_is_tried_and_leaves_nothing(made: Places) -> None:
    made.check()
    assert list(made.names()) == []


def test_an_identity_is_made_once(made: Places, tmp_path: Path) -> None:
    first = places.identity(tmp_path / "data/slots")
    assert first
    assert places.identity(tmp_path / "data/slots") == first


def test_names_tell_their_server() -> None:
    one, other = Names(), Names()
    name = one.new()
    assert name != one.new()
    assert one.are_ours(name)
    assert not other.are_ours(name)
    assert not Names.is_over(name)
    pid, ticks = name.split("-")[1:3]
    assert pid == str(os.getpid())
    assert Names.is_over(name.replace(f"-{ticks}-", f"-{int(ticks) + 1}-"))
    for stranger in ("", "cloche", "cloche-1", "cloche-x-y-z", "somebody-else"):
        assert Names.is_over(stranger)


def test_a_package_in_the_image_has_no_code_here(tmp_path: Path) -> None:
    assert code.places("terrain", ()) == ()
    assert code.places("/nowhere/at/all.py", ()) == ()


def test_a_lone_file_has_its_neighbours_with_it_and_nothing_else(tmp_path: Path) -> None:
    for name in ("main.py", "beside.py", "cloche.toml", "data/cloche.sqlite", "package/__init__.py", "package/x.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = {Path(path).name for path in code.places(str(tmp_path / "main.py"), ())}
    assert found == {"main.py", "beside.py", "package"}


def test_links_that_lead_nowhere_are_not_mounted(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    (tmp_path / "circle.py").symlink_to("circle.py")
    (tmp_path / ".#main.py").symlink_to("somebody@host.4711")
    assert code.places(str(tmp_path / "main.py"), (tmp_path / "cloche.toml",)) == (str(tmp_path / "main.py"),)


def test_hidden_things_in_a_package_directory_stay_out(tmp_path: Path) -> None:
    for name in ("package/__init__.py", "package/cloche-data/key", "package/deep/secret", "package/deep/open.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    hidden = (tmp_path / "package/cloche-data", tmp_path / "package/deep/secret")
    found = {str(Path(path).relative_to(tmp_path)) for path in code.places(str(tmp_path / "package"), hidden)}
    assert found == {"package/__init__.py", "package/deep/open.py"}


def test_the_state_of_code_changes_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = code.state([str(tmp_path)])
    assert code.state([str(tmp_path)]) == before
    (tmp_path / "a.py").write_text("12")
    changed = code.state([str(tmp_path)])
    assert changed != before
    (tmp_path / "b.py").write_text("1")
    assert code.state([str(tmp_path)]) != changed
