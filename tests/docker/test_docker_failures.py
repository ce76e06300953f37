"""What goes wrong with containers, with the real engine and a real daemon: every job ends for its true reason, the
server serves on, and nothing stays behind.
"""

from collections.abc import Iterator

import pytest

import dockers
from cloche.executors.docker.daemon import Daemon
from cloche.model.job import FailureKind
from cloche.model.limits import Limits
from cloche.model.state import State, Wanted
from docker_house import House, house
from engines import soon


@pytest.fixture
def home() -> Iterator[House]:
    dockers.need_docker()
    with house(prepared=1) as opened:
        yield opened


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon("", call_timeout_s=20, start_timeout_s=60)
    yield made
    made.close()


def test_what_has_ended_leaves_nothing(home: House) -> None:
    home.works()
    failed = home.ended(home.submit("fail"))
    assert (failed.state, failed.failure.kind) == (State.FAILED, FailureKind.CRASH)
    home.close()
    home.leaves_nothing()
    home.open()


def test_an_image_that_is_missing_is_told(home: House) -> None:
    home.images["hello"] = "cloche-no-such-image:1"
    job = home.ended(home.submit("hello", name="x"))
    assert job.state is State.FAILED
    assert job.failure.text == "The container image of this process is missing on this server."
    home.images.clear()
    home.works()


def test_a_container_that_is_removed_by_hand_is_a_lost_job(home: House, daemon: Daemon) -> None:
    job = home.submit("sleep", seconds=60)
    home.begun(job)
    daemon.remove(home.container(job))
    lost = home.ended(job)
    assert (lost.state, lost.failure.kind) == (State.FAILED, FailureKind.LOST)
    home.works()
    home.close()
    home.leaves_nothing()
    home.open()


def test_a_container_that_is_killed_by_hand_is_a_lost_job_with_its_code(home: House, daemon: Daemon) -> None:
    job = home.submit("stubborn", seconds=60)
    home.begun(job)
    daemon.signal(home.container(job), 9)
    lost = home.ended(job)
    assert (lost.state, lost.failure.kind) == (State.FAILED, FailureKind.LOST)
    assert "ended with code 137" in lost.failure.text
    home.close()
    home.leaves_nothing()
    home.open()


def test_an_execution_that_takes_too_much_memory_is_told_so(home: House) -> None:
    job = home.ended(home.submit("devour", Limits(memory=64 << 20), megabytes=2000))
    assert job.state is State.FAILED
    assert (job.failure.kind, job.failure.text) == (FailureKind.LIMIT, "memory limit of 64 MiB exceeded")
    home.works()


def test_a_prepared_container_that_died_is_passed_over(home: House, daemon: Daemon) -> None:
    home.works()
    until_prepared(home)
    for seen in dockers.containers(home.folder):
        daemon.remove(seen.id)
    home.works()


@pytest.mark.parametrize("process", ["sleep", "stubborn"])
def test_a_dismissed_job_is_gone_with_all_its_processes(home: House, process: str) -> None:
    job = home.submit(process, seconds=60)
    home.begun(job)
    home.want(job, Wanted.STOP)
    assert home.ended(job).state is State.DISMISSED
    home.close()
    home.leaves_nothing()
    home.open()


def test_a_paused_job_is_dismissed(home: House) -> None:
    job = home.submit("stubborn", seconds=60)
    home.begun(job)
    home.want(job, Wanted.PAUSE)
    home.until(job, State.PAUSED)
    home.want(job, Wanted.STOP)
    assert home.ended(job).state is State.DISMISSED


def test_a_paused_job_goes_on(home: House) -> None:
    job = home.submit("sleep", seconds=2)
    home.begun(job)
    home.want(job, Wanted.PAUSE)
    home.until(job, State.PAUSED)
    home.want(job, Wanted.RUN)
    assert home.ended(job).state is State.SUCCEEDED


def until_prepared(home: House) -> None:
    """A container waits."""
    soon(lambda: any(c.state == "running" for c in dockers.containers(home.folder)), 60)
