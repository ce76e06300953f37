"""What every container is made of, whatever the daemon does with it."""

from pathlib import Path

from cloche.executors.docker import recipe
from cloche.executors.docker.recipe import Kind, Surroundings
from cloche.model.limits import Limits

AROUND = Surroundings(user=(1234, 5678), network="tiles", runtime="", scratch=1 << 20, labels=(("cloche.owner", "me"),))
JOBDIR = Path("/data/slots/jobs/one")


def made(kind: Kind | None = None, around: Surroundings = AROUND, jobdir: Path | None = JOBDIR):
    return recipe.container("one", kind or Kind(image="sha256:abc", package="p"), around, ("idle", "p"), jobdir)


def test_a_container_is_walled_in():
    body = made()
    walls = body["HostConfig"]
    assert body["User"] == "1234:5678"
    assert walls["NetworkMode"] == "none"
    assert walls["ReadonlyRootfs"] is True
    assert walls["CapDrop"] == ["ALL"]
    assert walls["SecurityOpt"] == ["no-new-privileges"]
    assert walls["IpcMode"] == "private"
    assert walls["LogConfig"] == {"Type": "none"}
    assert {"Name": "core", "Soft": 0, "Hard": 0} in walls["Ulimits"]
    assert "size=1048576" in walls["Tmpfs"]["/tmp"]
    assert not {"Privileged", "CapAdd", "Devices", "PidMode", "UsernsMode", "Binds"} & walls.keys()


def test_the_image_runs_our_runner_and_nothing_of_its_own():
    body = made()
    assert body["Image"] == "sha256:abc"
    assert body["Entrypoint"][-1] == "cloche.runner"
    assert body["Cmd"] == ["idle", "p"]
    assert body["Healthcheck"] == {"Test": ["NONE"]}
    assert (body["OpenStdin"], body["StdinOnce"], body["Tty"]) == (True, True, False)


def test_the_owner_and_the_slot_are_on_the_label():
    assert made()["Labels"] == {"cloche.owner": "me", "cloche.slot": "one"}


def test_only_what_is_written_inside_can_be_written():
    mounts = {m["Target"]: (m["Source"], m["ReadOnly"]) for m in made()["HostConfig"]["Mounts"]}
    assert mounts == {
        "/job": (str(JOBDIR), True),
        "/job/work": (f"{JOBDIR}/work", False),
        "/job/ctl": (f"{JOBDIR}/ctl", False),
    }
    assert made(jobdir=None)["HostConfig"]["Mounts"] == []


def test_code_on_the_host_is_mounted_read_only_at_its_own_path():
    body = made(Kind(image="i", package="/srv/p.py", code=("/srv/p.py",)), jobdir=None)
    (mount,) = body["HostConfig"]["Mounts"]
    assert (mount["Source"], mount["Target"], mount["ReadOnly"]) == ("/srv/p.py", "/srv/p.py", True)


def test_limits_leave_room_for_the_supervisor_and_allow_no_swap():
    walls = made(Kind(image="i", package="p", memory=1 << 30, cpus=0.5, processes=100))["HostConfig"]
    assert walls["Memory"] == walls["MemorySwap"] == (1 << 30) + (64 << 20)
    assert walls["CpuQuota"] / walls["CpuPeriod"] == 0.5
    assert walls["PidsLimit"] == 101


def test_a_container_needs_some_processes_to_begin_with():
    assert made(Kind(image="i", package="p", processes=2))["HostConfig"]["PidsLimit"] == 16


def test_without_limits_none_are_set():
    assert not {"Memory", "CpuQuota", "PidsLimit"} & made()["HostConfig"].keys()


def test_the_network_is_for_those_that_need_it_where_there_is_one():
    needs = Kind(image="i", package="p", network=True)
    assert made(needs)["HostConfig"]["NetworkMode"] == "tiles"
    nowhere = Surroundings(user=(1, 1), network=None, runtime="", scratch=1, labels=())
    assert made(needs, nowhere)["HostConfig"]["NetworkMode"] == "none"


def test_limits_of_the_container_are_those_the_runner_does_not_keep():
    assert recipe.sized(Limits(memory=1, cpus=2, processes=3, run_time=4)) == {"memory": 1, "cpus": 2, "processes": 3}
