"""The same scenario in every mode: one setting is another."""

import pytest

import dockers
import quick_image
from cloche.jobdir.orders import Level
from executions import capabilities, need_level
from scenario import play
from tongues import TONGUES

SETTINGS = """
[processing]
mode = "{mode}"
image = "{image}"
entrypoints = false
packages = ["cloche.library.echo"]
"""
LEVELS = {"multiprocessing": Level.PROCESS, "sandbox": Level.FULL}


@pytest.mark.parametrize("mode", [*LEVELS, "docker"])
def test_a_scenario_in_every_tongue(serve, mode):
    if mode == "docker":
        dockers.need_docker()
    elif mode == "sandbox" and not capabilities().missing[Level.LANDLOCK]:
        pass
    else:
        need_level(LEVELS[mode])
    image = "" if dockers.missing() else quick_image.image()
    server = serve(SETTINGS.format(mode=mode, image=image))
    for tongue in TONGUES.values():
        play(tongue(server.url))
    assert server.end() == 0
    assert not dockers.containers(server.datadir)
