"""Every attack comes to what the table in docs/isolation.md says, at every level, for root's server and a user's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import needs
from isolation import table

HERE = Path(__file__).parent
ORDINARY = "65534"
STAGES = [
    pytest.param(level, who, marks=pytest.mark.wall(level), id=f"{level}-{who}")
    for level in ("process", "landlock", "full")
    for who in ("root", "user")
]


def perform(level: str, who: str) -> dict[str, str]:
    """Verdicts of one performance (``stage.py``)."""
    is_root = os.getuid() == 0
    needs.need("root", when=is_root or who == "user", reason="only root starts servers as root")
    lower = [ORDINARY] if is_root and who == "user" else []
    done = subprocess.run(
        [sys.executable, str(HERE / "stage.py"), level, *lower],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if done.returncode != 0 and "the walls cannot be raised" in done.stderr:
        needs.missing(f"sandbox-{level}", done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("level", "who"), STAGES)
def test_attacks_come_to_what_the_table_says(level: str, who: str) -> None:
    column = f"multiprocessing_{who}" if level == "process" else level
    seen = perform(level, who)
    wanted = {name: row[column] for name, row in table.expected().items()}
    found = {name: text.split(maxsplit=1)[0].rstrip(":") for name, text in seen.items()}
    assert found == wanted, "\n".join(f"{name}: {seen[name]}" for name in seen if found[name] != wanted.get(name))


def test_the_page_shows_what_is_proven() -> None:
    page = table.PAGE.read_text()
    assert table.written(page) == page, "run: python tests/isolation/table.py"


def test_the_sandbox_blocks_every_attack() -> None:
    opened = [
        (name, column)
        for name, row in table.expected().items()
        for column in ("landlock", "full")
        if row[column] != "blocked"
    ]
    assert opened == []
