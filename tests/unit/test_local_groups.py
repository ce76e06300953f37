"""Control groups over a tree of plain files that looks like the kernel's."""

import os
from pathlib import Path

import pytest

from cloche.executors.local import groups
from cloche.executors.local.groups import GroupTree
from cloche.executors.local.slots import GroupNames, is_over
from cloche.jobdir.orders import Controller
from cloche.model.limits import Limits


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    """A delegated group of version 2 that holds this process."""
    for name, text in {
        "cgroup.controllers": "cpuset cpu io memory pids\n",
        "cgroup.subtree_control": "cpu memory pids\n",
        "cgroup.procs": f"{os.getpid()}\n",
    }.items():
        (tmp_path / name).write_text(text)
    jobs = tmp_path / "cloche"
    jobs.mkdir()
    (jobs / "cgroup.subtree_control").write_text("cpu memory pids\n")
    job = jobs / "one"
    job.mkdir()
    for name in ("cgroup.procs", "memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"):
        (job / name).write_text("")
    return tmp_path


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Hierarchies of version 1."""
    files = {
        "memory": ("memory.limit_in_bytes",),
        "pids": ("pids.max",),
        "cpu": ("cpu.cfs_period_us", "cpu.cfs_quota_us"),
    }
    for controller, names in files.items():
        (tmp_path / controller).mkdir()
        (tmp_path / controller / "cgroup.procs").touch()
        for folder in (tmp_path / controller / "cloche", tmp_path / controller / "cloche/one"):
            folder.mkdir()
            for name in ("cgroup.procs", "tasks", *names):
                (folder / name).touch()
    return tmp_path


def test_version_2_takes_all_limits_in_one_group(unified: Path) -> None:
    tree = GroupTree.open(str(unified))
    assert tree.unified == unified / "cloche", tree.missing
    group = tree.create("one", ("memory",))
    assert group.kinds == (Controller.PROCS, Controller.UNIFIED)
    assert tree.limit("one", Limits(memory=1 << 30, processes=64, cpus=1.5)).kinds == ()
    job = unified / "cloche/one"
    assert [(job / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max", "cpu.max")] == [
        *("1073741824", "0", "64", "150000 100000"),
    ]
    group.close()


def test_version_2_without_the_controllers_says_what_lacks(unified: Path) -> None:
    (unified / "cgroup.controllers").write_text("cpu\n")
    tree = GroupTree.open(str(unified))
    assert tree.unified is None
    assert "no memory, pids" in tree.missing


def test_version_1_adds_the_hierarchies_that_a_limit_needs(older: Path) -> None:
    tree = GroupTree.open(None, root=older)
    assert set(tree.hierarchies) == {"memory", "pids", "cpu"}, tree.missing
    group = tree.create("one", ("memory",))
    assert group.kinds == (Controller.PROCS, Controller.MEMORY)
    tree.limit("one", Limits(memory=1 << 30, processes=64, cpus=0.5)).close()
    texts = {
        "memory/cloche/one/memory.limit_in_bytes": "1073741824",
        "pids/cloche/one/pids.max": "64",
        "cpu/cloche/one/cpu.cfs_quota_us": "50000",
    }
    assert {name: (older / name).read_text() for name in texts} == texts
    group.close()


def test_switched_off_is_switched_off() -> None:
    tree = GroupTree.open("")
    assert tree.create("one", ("memory",)).kinds == ()
    assert tree.describe() == "none: switched off by setting"


def test_groups_are_removed_once_or_more(older: Path) -> None:
    tree = GroupTree.open(None, root=older)
    for controller in ("memory", "pids", "cpu"):
        (older / controller / "cloche/two").mkdir()
    tree.remove("two")
    tree.remove("two")
    assert not any((older / controller / "cloche/two").exists() for controller in ("memory", "pids", "cpu"))


def test_only_groups_of_servers_that_are_gone_are_swept(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = GroupTree.open(None, root=older)
    alive = next(GroupNames(os.getpid()))
    for name in (alive, "4194305-1-7", "somebody-elses"):
        (older / "memory/cloche" / name).mkdir()
    assert not tree.sweep(is_over)
    assert (older / "memory/cloche/4194305-1-7").exists(), "an execution of it may be just being forked"
    monkeypatch.setattr(groups, "YOUNG_S", 0)
    assert tree.sweep(is_over)
    assert sorted(p.name for p in (older / "memory/cloche").iterdir() if p.is_dir()) == sorted(
        [alive, "one", "somebody-elses"]
    )


def test_groups_of_another_account_are_not_said_to_be_absent(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    tree = GroupTree.open(None, root=older)
    assert tree.hierarchies == {}
    assert tree.missing.endswith(f"version 1 cannot be written ({older / 'cpu/cloche'} belongs to another)")
