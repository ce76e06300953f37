"""The contract of ports.intake: job directories as the server makes, fills and removes them."""

import os
import subprocess
import sys
import time
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
