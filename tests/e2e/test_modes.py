"""The same scenario in every mode: one setting is another."""

import json
import signal

import pytest

import dockers
from cloche.jobdir.orders import Level
from executions import need_level, until
from scenario import ECHO, ended, play
from tongues import TONGUES, OgcApi, fetch

SETTINGS = """
[processing]
mode = "{mode}"
image = "{image}"
entrypoints = false
packages = ["cloche.library.echo"]
"""
NEEDED = {"multiprocessing": Level.PROCESS, "sandbox": Level.LANDLOCK}
INSIDE = """
from typing import Annotated
from cloche.process import Output, process

@process
def inside(name: str) -> Annotated[str, Output("Greeting")]:
    \"\"\"Greet from within.\"\"\"
    return f"hello {name}"
"""


@pytest.mark.parametrize("mode", [*NEEDED, "docker"])
def test_a_scenario_in_every_tongue(serve, mode):
    if mode in NEEDED:
        need_level(NEEDED[mode])
    else:
        dockers.need_docker()
    image = "" if dockers.missing() else dockers.image()
    server = serve(SETTINGS.format(mode=mode, image=image))
    for tongue in TONGUES.values():
        play(tongue(server.url))
    assert server.end() == 0
    assert not dockers.containers(server.datadir)


def test_a_package_that_only_an_image_has_is_described_and_executed(serve):
    dockers.need_docker()
    image = dockers.image_with("cloche-test-inside:1", {"only_inside.py": INSIDE})
    server = serve(f'[processing]\nentrypoints = false\n[packages.only_inside]\nimage = "{image}"\n')
    assert OgcApi(server.url).run("inside", {"name": "x"}, ["result"]) == {"result": "hello x"}


def test_a_server_that_is_killed_leaves_running_jobs_to_its_successor_and_nothing_else(serve):
    dockers.need_docker()
    settings = SETTINGS.format(mode="docker", image=dockers.image())
    server = serve(settings)
    tongue = OgcApi(server.url)
    tongue.run(ECHO, {"literalInput": "x"}, ["literalOutput"])
    job = tongue.begin(ECHO, {"literalInput": "y", "duration": "10000"}, ["literalOutput"])
    until(lambda: running(server.url, job))
    until(lambda: len([c for c in dockers.containers(server.datadir) if c.state == "running"]) > 1)
    server.end(signal.SIGKILL)
    until(lambda: len([c for c in dockers.containers(server.datadir) if c.state == "running"]) == 1)
    successor = serve(settings, folder=server.home)
    tongue = OgcApi(successor.url)
    assert ended(tongue, job) == "succeeded"
    assert tongue.result(job) == {"literalOutput": "y"}
    assert successor.end() == 0
    assert dockers.containers(server.datadir) == []
    assert list((server.datadir / "slots/jobs").iterdir()) == []


def running(url, job):
    """Whether the job is said to run."""
    return json.loads(fetch(f"{url}/jobs/{job}")[0])["status"] == "running"
