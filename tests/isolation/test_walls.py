"""Every attack comes to what the tables in docs/isolation.md say: at every level, for root's server and a user's, and
behind walls of which one is missing.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import needs
from dockerd import dockerd
from dockers import need_docker
from isolation import table
from isolation.lacking import LAYERS

HERE = Path(__file__).parent
STAGES = [
    pytest.param(level, who, marks=pytest.mark.wall(level), id=f"{level}-{who}")
    for level in ("process", "landlock", "full")
    for who in ("root", "user")
]
LACKING = [
    pytest.param(layers, id="+".join(layers))
    for layer in table.layers()
    for layers in ((layer["name"],), (layer["name"], layer.get("behind", "")))
    if all(layers)
]


def perform(level: str, who: str, *layers: str, **environment: str) -> dict[str, str]:
    """Verdicts of one performance (``stage.py``)."""
    needs.need("root", when=os.getuid() == 0 or who == "user", reason="only root starts servers as root")
    done = subprocess.run(
        [sys.executable, str(HERE / "stage.py"), level, who, ",".join(layers) or "-"],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)} | environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    if done.returncode != 0 and "the walls cannot be raised" in done.stderr:
        needs.missing(f"sandbox-{level}", done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def compare(seen: dict[str, str], wanted: dict[str, str]) -> None:
    found = {name: text.split(maxsplit=1)[0].rstrip(":") for name, text in seen.items()}
    differing = [name for name in {*found, *wanted} if found.get(name) != wanted.get(name)]
    assert not differing, "\n".join(f"{name}: {seen.get(name)}" for name in sorted(differing))


@pytest.mark.parametrize(("level", "who"), STAGES)
def test_attacks_come_to_what_the_table_says(level: str, who: str) -> None:
    compare(perform(level, who), table.verdicts(f"{level}_{who}"))


@pytest.mark.timeout(420)
@pytest.mark.wall("docker")
def test_containers_come_to_what_the_table_says() -> None:
    need_docker()
    compare(perform("docker", "root"), table.verdicts("docker"))


@pytest.mark.timeout(420)
@pytest.mark.wall("docker")
def test_containers_of_crun_come_to_what_the_table_says() -> None:
    needs.need("crun", when=shutil.which("crun") is not None, reason="there is no crun")
    with dockerd(runtime="crun") as daemon:
        compare(perform("docker", "root", DOCKER_HOST=daemon.host), table.verdicts("docker_crun"))


@pytest.mark.wall("full")
@pytest.mark.parametrize("layers", LACKING)
def test_each_wall_carries_what_the_table_says(layers: tuple[str, ...]) -> None:
    """FULL without a layer: what opens, opens for want of it; nothing else does."""
    who = "root" if os.getuid() == 0 else "user"
    wanted = table.verdicts(f"full_{who}") | dict.fromkeys(table.without(*layers), "open")
    compare(perform("full", who, *layers), wanted)


def test_every_layer_is_in_the_table() -> None:
    assert {layer["name"] for layer in table.layers()} == set(LAYERS)


def test_a_layer_that_opens_nothing_says_why_it_stays() -> None:
    assert [layer["name"] for layer in table.layers() if not layer["why"]] == []


def test_the_tables_know_attacks_and_columns_that_there_are() -> None:
    opened = table.expected()["open"]
    assert set(opened) <= set(table.attacks())
    assert {column for columns in opened.values() for column in columns} <= set(table.COLUMNS)


def test_the_page_shows_what_is_proven() -> None:
    page = table.PAGE.read_text()
    assert table.written(page) == page, "run: python tests/isolation/table.py"


def test_the_doctor_says_what_is_proven() -> None:
    assert table.CODE.read_text() == table.code(), "run: python tests/isolation/table.py"


def test_walls_are_open_nowhere_without_a_reason() -> None:
    told = table.expected()
    opened = {name for name, columns in told["open"].items() if set(columns) & set(table.WALLED)}
    assert opened == set(told["reasons"])
