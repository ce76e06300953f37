"""The contract of ports.intake: job directories as the server makes, fills and removes them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import needs
from cloche.jobdir.layout import Layout
from cloche.jobdir.workspace import JobDirs

NOBODY = (65534, 65534)


@pytest.fixture
def dirs(tmp_path: Path) -> JobDirs:
    return JobDirs(tmp_path / "work")


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o7777)[2:]


def test_a_job_directory_is_laid_out(dirs: JobDirs) -> None:
    dirs.adopt("job", None)
    layout = Layout(dirs.jobdir("job"))
    for folder in (layout.inputs, layout.work, layout.out, layout.ctl):
        assert folder.is_dir()
    assert mode(layout.root) == mode(layout.root.parent) == "700"


def test_files_of_a_request_become_inputs_without_being_copied(dirs: JobDirs) -> None:
    intake = dirs.intake()
    (intake.path / "a").write_bytes(b"data")
    number = (intake.path / "a").stat().st_ino
    assert mode(intake.path) == "700"
    dirs.adopt("job", intake)
    file = Layout(dirs.jobdir("job")).inputs / "a"
    assert file.stat().st_ino == number
    intake.discard()
    assert file.read_bytes() == b"data"


def test_a_discarded_intake_is_gone(dirs: JobDirs) -> None:
    intake = dirs.intake()
    (intake.path / "a").write_bytes(b"data")
    intake.discard()
    intake.discard()
    assert not intake.path.exists()


def test_a_job_directory_is_never_taken_twice(dirs: JobDirs) -> None:
    dirs.adopt("job", None)
    with pytest.raises(FileExistsError):
        dirs.adopt("job", dirs.intake())
    dirs.adopt("other", None)
    dirs.strip("other")
    with pytest.raises(FileExistsError):
        dirs.adopt("job", None)
    dirs.adopt("third", None)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a\0"])
def test_no_identifier_leads_anywhere_else(dirs: JobDirs, name: str) -> None:
    for action in (dirs.jobdir, dirs.remove, dirs.strip, dirs.log, lambda job: dirs.adopt(job, None)):
        with pytest.raises(ValueError, match="no job identifier"):
            action(name)


def test_removal_leaves_nothing_and_can_be_repeated(dirs: JobDirs) -> None:
    dirs.adopt("job", None)
    dirs.adopt("other", None)
    dirs.remove("job")
    dirs.remove("job")
    assert list(dirs.jobs()) == ["other"]


def test_stripping_keeps_what_was_printed(dirs: JobDirs) -> None:
    dirs.adopt("job", None)
    layout = Layout(dirs.jobdir("job"))
    layout.request.write_text("{}")
    layout.stdout.write_text("out\n")
    layout.stderr.write_bytes(b"err \xff\n")
    (layout.root / ".request.json.1.2.3").touch()  # by a server that was killed
    dirs.strip("job")
    dirs.strip("job")
    assert [path.name for path in layout.root.iterdir()] == ["ctl"]
    assert dirs.log("job") == "out\nerr \ufffd\n"


def test_stripping_removes_a_job_that_printed_nothing(dirs: JobDirs) -> None:
    dirs.adopt("job", None)
    Layout(dirs.jobdir("job")).stdout.touch()
    dirs.strip("job")
    dirs.strip("job")
    assert not dirs.jobdir("job").exists()
    assert dirs.log("job") == ""


def test_a_log_leads_nowhere_else(dirs: JobDirs) -> None:
    dirs.adopt("job", None)
    layout = Layout(dirs.jobdir("job"))
    layout.stdout.symlink_to("/etc/passwd")
    os.mkfifo(layout.stderr)
    assert dirs.log("job") == ""


def test_room_is_made_without_losing_how_it_ended(dirs: JobDirs) -> None:
    dirs.adopt("job", None)
    layout = Layout(dirs.jobdir("job"))
    scratch = [layout.inputs / "in", layout.work / "scratch", layout.progress]
    for path in (*scratch, layout.result, layout.out / "f", layout.exit):
        path.write_text("x")
    (layout.work / "link").symlink_to(layout.exit)
    os.mkfifo(layout.work / "fifo")
    dirs.trim("job", results=True)
    assert {path.name for path in layout.work.iterdir()} == {"out", "result.json"}
    assert not layout.inputs.exists()
    dirs.trim("job", results=False)
    assert list(layout.work.iterdir()) == []
    assert layout.exit.read_text() == "x"
    dirs.remove("job")
    dirs.trim("job", results=True)


def test_only_what_nobody_touches_is_swept(dirs: JobDirs) -> None:
    dirs.adopt("old", None)
    dirs.adopt("new", None)
    abandoned, uploading = dirs.intake(), dirs.intake()
    (uploading.path / "large").write_text("half")
    past = time.time() - 1000
    old = Layout(dirs.jobdir("old"))
    for path in (old.inputs, old.work, old.ctl, old.root, abandoned.path, uploading.path):
        os.utime(path, (past, past))
    assert list(dirs.jobs(idle=500)) == ["old"]
    assert dirs.discard_intakes(idle=500) == 1
    assert not abandoned.path.exists()
    assert uploading.path.exists()
    assert dirs.discard_intakes() == 1


def test_everything_user_code_can_build_is_removed(dirs: JobDirs, tmp_path: Path) -> None:
    dirs.adopt("job", None)
    work = Layout(dirs.jobdir("job")).work
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    (work / "link").symlink_to(kept)
    os.mkfifo(work / "fifo")
    here = os.open(work, os.O_RDONLY)
    for _ in range(3000):  # deeper than recursion and longer than any path
        os.mkdir("d", dir_fd=here)
        following = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = following
    os.close(here)
    (work / "locked" / "inner").mkdir(parents=True)
    (work / "locked" / "inner" / "file").touch()
    (work / "locked" / "inner").chmod(0)
    (work / "locked").chmod(0)
    dirs.remove("job")
    assert not dirs.jobdir("job").exists()
    assert (kept / "file").exists()


REMOVE = """
import os, sys
from pathlib import Path
from cloche.jobdir.removal import remove_tree
os.setgid(65534); os.setuid(65534)
root = Path(sys.argv[1])
(root / "a" / "b" / "c").mkdir(parents=True)
(root / "a" / "b" / "c" / "f").touch()
(root / "a" / "b" / "c").chmod(0); (root / "a" / "b").chmod(0o200); (root / "a").chmod(0)
remove_tree(root / "a")
"""


def test_folders_without_permissions_are_removed_without_privileges(tmp_path: Path) -> None:
    needs.need("root", when=os.getuid() == 0, reason="only root can become somebody else")
    root = Path("/var/tmp") / f"cloche-{os.getpid()}"  # pytest's own directories are closed to others
    root.mkdir(mode=0o777)
    root.chmod(0o777)
    try:
        subprocess.run([sys.executable, "-c", REMOVE, str(root)], check=True)
        assert list(root.iterdir()) == []
    finally:
        root.rmdir()


def test_executions_own_their_part_and_read_the_rest(tmp_path: Path) -> None:
    needs.need("root", when=os.getuid() == 0, reason="only root can give files away")
    dirs = JobDirs(tmp_path / "work", owner=NOBODY)
    intake = dirs.intake()
    (intake.path / "a").write_text("data")
    (intake.path / "a").chmod(0o600)
    dirs.adopt("job", intake)
    layout = Layout(dirs.jobdir("job"))
    for folder in (layout.work, layout.out, layout.ctl):
        assert (folder.stat().st_uid, folder.stat().st_gid, mode(folder)) == (*NOBODY, "700")
    assert (layout.inputs.stat().st_uid, layout.inputs.stat().st_gid, mode(layout.inputs)) == (0, NOBODY[1], "750")
    assert mode(layout.inputs / "a") == "644"
    assert (layout.root.stat().st_uid, mode(layout.root), mode(layout.root.parent)) == (0, "711", "711")
    assert mode(layout.root.parent.parent / "intake") == "700"


def used(dirs: JobDirs, job: str) -> Layout:
    """A directory as an execution leaves it that has printed nothing."""
    dirs.adopt(job, None)
    layout = Layout(dirs.jobdir(job))
    for file in (layout.request, layout.inputs / "a", layout.work / "b", layout.out / "c", layout.temporary / "d"):
        file.write_text("left")
    for file in (layout.exit, layout.started, layout.lock):
        file.write_text("{}")
    return layout


def inode(layout: Layout) -> int:
    return layout.work.stat().st_ino


def test_a_directory_is_used_again_when_it_is_as_new(dirs: JobDirs) -> None:
    layout = used(dirs, "first")
    before = inode(layout)
    dirs.strip("first")
    assert not layout.root.exists()
    dirs.adopt("second", None)
    again = Layout(dirs.jobdir("second"))
    assert inode(again) == before
    assert [path for path in again.root.rglob("*") if not path.is_dir()] == []
    assert time.time() - again.root.stat().st_mtime < 5, "a sweep would take it for abandoned"
    intake = dirs.intake()
    (intake.path / "features.gml").write_text("<a/>")
    dirs.strip("second")
    dirs.adopt("third", intake)
    assert (Layout(dirs.jobdir("third")).inputs / "features.gml").read_text() == "<a/>"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda layout: (layout.work / "more").mkdir(),
        lambda layout: (layout.out / "more").mkdir(),
        lambda layout: layout.out.rename(layout.work / "elsewhere"),
        lambda layout: (layout.out.rename(layout.work / "away"), layout.out.symlink_to("/")),
        lambda layout: layout.work.chmod(0o777),
        lambda layout: layout.temporary.chmod(0o1700),
        lambda layout: os.setxattr(layout.out, "user.note", b"from the one before"),
        lambda layout: [(layout.work / f"{'n' * 200}-{number}").touch() for number in range(500)],
    ],
    ids=["folder", "folder in out", "moved", "link for a folder", "mode", "sticky", "attribute", "grown"],
)
def test_a_directory_that_is_not_as_new_is_removed(dirs: JobDirs, spoil: Callable[[Layout], object]) -> None:
    layout = used(dirs, "first")
    spoil(layout)
    dirs.strip("first")
    assert not layout.root.exists()
    dirs.adopt("second", None)
    again = Layout(dirs.jobdir("second"))
    assert sorted(path.name for path in again.root.rglob("*")) == ["ctl", "in", "out", "tmp", "work"]
    assert again.work.stat().st_mode & 0o7777 == 0o700
    assert os.listxattr(again.out) == []
    assert again.work.stat().st_size == again.out.stat().st_size, "the directory has grown"


def test_a_directory_whose_execution_may_be_alive_is_not_used_again(dirs: JobDirs) -> None:
    layout = used(dirs, "first")
    layout.exit.unlink()
    left = os.open(layout.work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        dirs.strip("first")
        dirs.adopt("second", None)
        with pytest.raises(FileNotFoundError):
            os.open("planted", os.O_CREAT | os.O_WRONLY, dir_fd=left)
    finally:
        os.close(left)


def test_links_in_a_directory_that_is_used_again_are_not_followed(dirs: JobDirs, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    layout = used(dirs, "first")
    (layout.work / "link").symlink_to(precious)
    (layout.out / "hard").hardlink_to(precious / "file")
    dirs.strip("first")
    assert (precious / "file").read_text() == "keep"


def test_what_an_earlier_server_kept_is_swept(dirs: JobDirs, tmp_path: Path) -> None:
    used(dirs, "first")
    dirs.strip("first")
    spare = tmp_path / "work" / "spare"
    assert len(list(spare.iterdir())) == 1
    dirs.discard_intakes()
    assert len(list(spare.iterdir())) == 1, "its own are kept"
    JobDirs(tmp_path / "work").discard_intakes()
    assert list(spare.iterdir()) == []
    dirs.adopt("second", None)
    assert Layout(dirs.jobdir("second")).out.is_dir()


def test_a_directory_that_an_earlier_server_made_is_not_used_again(dirs: JobDirs, tmp_path: Path) -> None:
    """That server may have ordered an execution in it which will read its order only now."""
    earlier = JobDirs(tmp_path / "work")
    for server, job in ((earlier, "first"), (dirs, "second")):
        used(server, job)
    place = os.open(dirs.jobdir("first"), os.O_PATH)
    dirs.strip("first")
    assert not dirs.jobdir("first").exists()
    assert list((tmp_path / "work" / "spare").iterdir()) == []
    with pytest.raises(FileNotFoundError):
        os.open("ctl/supervisor.lock", os.O_CREAT, dir_fd=place)
    os.close(place)
    dirs.strip("second")
    assert len(list((tmp_path / "work" / "spare").iterdir())) == 1


def test_directories_are_handed_over_by_many_threads(dirs: JobDirs) -> None:
    def live(number: int) -> None:
        for turn in range(20):
            job = f"job-{number}-{turn}"
            used(dirs, job)
            dirs.strip(job)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(live, range(8)))
    assert list(dirs.jobs()) == []
