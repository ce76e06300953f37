"""What becomes of jobs when the daemon hangs, dies, restarts or has no room: a daemon of the test's own."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import dockers
from cloche.executors.docker.daemon import Daemon
from cloche.model.job import FailureKind
from cloche.model.state import State
from docker_house import House, house, pause
from dockerd import Dockerd, dockerd
from engines import soon

# the library drops sockets that could not be connected instead of closing them
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def own() -> Iterator[Dockerd]:
    with dockerd() as daemon:
        yield daemon


@pytest.fixture
def home(own: Dockerd) -> Iterator[House]:
    hurried = {"call_timeout_s": 2, "start_timeout_s": 5, "confirm_timeout_s": 2}
    with house(host=own.host, prepared=1, image=dockers.image(own.host), **hurried) as opened:
        yield opened
        if not own.answers():
            own.start()


def test_a_job_that_ends_while_the_daemon_hangs_has_ended(home: House, own: Dockerd) -> None:
    home.works()
    job = home.submit("sleep", seconds=1)
    home.begun(job)
    own.signal(signal.SIGSTOP)
    try:
        assert home.ended(job).state is State.SUCCEEDED
    finally:
        own.signal(signal.SIGCONT)
    home.works()


def test_a_job_that_cannot_be_started_waits_for_the_daemon(home: House, own: Dockerd) -> None:
    home.works()
    own.signal(signal.SIGSTOP)
    try:
        job = home.submit("hello", name="x")
        pause(4)
        # a daemon that has been stopped may just have passed the order on
        assert home.job(job).state is not State.FAILED
    finally:
        own.signal(signal.SIGCONT)
    assert home.ended(job).state is State.SUCCEEDED
    home.close()
    home.leaves_nothing()
    home.open()


def test_a_start_that_never_returns_holds_up_nothing(home: House, own: Dockerd) -> None:
    """The containers that come after all are nobody's, and are removed."""
    home.works()
    drain(home)
    own.hang_containerd(signal.SIGSTOP)
    try:
        job = home.submit("hello", name="x")
        pause(8)
        assert home.job(job).state is State.STARTING
    finally:
        own.hang_containerd(signal.SIGCONT)
    assert home.ended(job).state is State.SUCCEEDED
    home.close()
    home.leaves_nothing()
    home.open()


def test_a_daemon_that_is_killed_does_not_take_the_job_with_it(home: House, own: Dockerd) -> None:
    job = home.submit("sleep", seconds=1)
    home.begun(job)
    own.signal(signal.SIGKILL)
    assert home.ended(job).state is State.SUCCEEDED
    later = home.submit("hello", name="x")
    pause(1)
    assert home.job(later).state is State.STARTING
    own.start()
    assert home.ended(later).state is State.SUCCEEDED
    home.close()
    home.leaves_nothing()
    home.open()


def test_a_daemon_that_restarts_ends_its_containers_and_the_jobs_are_lost(home: House, own: Dockerd) -> None:
    job = home.submit("stubborn", seconds=60)
    home.begun(job)
    own.signal(signal.SIGTERM)
    own.start()
    lost = home.ended(job)
    assert lost.state is State.FAILED
    # its supervisor was asked to end by the daemon, and may have had the time to write that down
    assert lost.failure.kind is FailureKind.LOST
    assert re.search("stopped from outside|ended with code 137|not there any more", lost.failure.text)
    home.works()
    home.close()
    home.leaves_nothing()
    home.open()


def test_a_server_that_begins_while_the_daemon_is_away_serves_when_it_comes(home: House, own: Dockerd) -> None:
    home.close()
    own.signal(signal.SIGTERM)
    home.open()
    job = home.submit("hello", name="x")
    pause(1)
    assert home.job(job).state is State.STARTING
    own.start()
    assert home.ended(job).state is State.SUCCEEDED


def test_a_full_disk_of_the_daemon_is_told() -> None:
    with dockerd(size="400m") as small, house(host=small.host, prepared=0, image=dockers.image(small.host)) as home:
        home.works()
        rest = small.folder / "data/filler"
        fill(rest)
        job = home.ended(home.submit("hello", name="x"))
        assert job.state is State.FAILED
        assert "disk of the container engine is full" in job.failure.text
        rest.unlink()
        home.works()
        home.close()
        home.leaves_nothing()
        home.open()


def fill(path: Path) -> None:
    with path.open("wb") as file:
        try:
            while True:
                file.write(b"x" * (1 << 20))
                file.flush()
        except OSError:
            return


def drain(home: House) -> None:
    """No container waits."""
    daemon = Daemon(home.settings["host"], call_timeout_s=20, start_timeout_s=60)
    soon(lambda: dockers.containers(home.folder, home.settings["host"]), 60)
    pause(3)
    for seen in dockers.containers(home.folder, home.settings["host"]):
        daemon.remove(seen.id)
    daemon.close()
