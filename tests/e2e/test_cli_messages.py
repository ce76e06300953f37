"""What the commands say, word by word: each mistake names its mend."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import live
import needs

PACKAGE = """
from typing import Annotated

from cloche.process import BoundingBox, Input, Job, Output, ProcessError, Vector, process


@process(version="3")
def area(
    box: Annotated[BoundingBox, Input("Box", crs=("EPSG:4326", "CRS84"))],
    factors: Annotated[list[float], Input("Factors", min_occurs=0, max_occurs=None, minimum=0, unit="metre")] = [],
    *,
    job: Job,
) -> Annotated[float, Output("Area", unit="square metre")]:
    \"\"\"Area of a box.\"\"\"
    job.progress(70, "multiplying")
    if box.lower == box.upper:
        raise ProcessError("The box is empty.")
    return (box.upper[0] - box.lower[0]) * (box.upper[1] - box.lower[1])


@process(version="1")
def read(features: Annotated[Vector, Input("Features")]) -> int:
    \"\"\"Read.\"\"\"
    return 1
"""
SETTINGS = '[processing]\npackages = ["./shapes.py"]\nmode = "multiprocessing"\n'


@pytest.fixture
def home() -> Iterator[Path]:
    with live.home() as folder:
        (folder / "shapes.py").write_text(PACKAGE)
        (folder / "cloche.toml").write_text(SETTINGS)
        (folder / "latin").write_bytes(b"\xe9")
        yield folder


def cloche(folder: Path, *arguments: object) -> tuple[int, str]:
    """Exit code, and everything that was said."""
    done = subprocess.run(
        [live.CLOCHE, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("jobs list --state done", 2, "no state 'done'; there are: accepted, starting, running"),
        ("jobs purge", 2, "name jobs, or choose them with --older-than or --ended"),
        ("jobs list --datadir nowhere", 1, "there is no data directory nowhere; name one with --datadir or --config"),
        ("run area -i box", 2, "-i 'box': write it as name=value"),
        ("run area -i box=1,2", 2, "input box: write a box as its lower corner, upper corner[,CRS] with commas"),
        ("run area -i bax=1,2,3,4", 2, "there is no input 'bax'; there are: box, factors"),
        ("run read -i features=shapes.py", 2, "input features: to send the file, write features=@shapes.py"),
        ("run read -i features=@none.json", 2, "input features: there is no file none.json"),
        (
            "run area -i box=1,1,2,2 -i factors=@latin",
            2,
            "input factors: cannot read latin: 'utf-8' codec can't decode",
        ),
        ("run area -i box=1,1,2,2 -o result=no/such", 1, "output result cannot be written to no/such: No such file"),
        ("run area -i box=1,1,2,2 -o result=.", 1, "output result cannot be written to .: Is a directory"),
        ("init /proc/new", 1, "/proc/new cannot be written: "),
        (f"init {'x' * 300}", 1, "File name too long; choose another directory"),
        ("run volume", 1, "There is no process 'volume'. See `cloche processes`."),
        ("run area -i box=1,1,1,1 --quiet", 1, "area failed: The box is empty."),
        ("describe volume", 1, "There is no process 'volume'. See `cloche processes`."),
        ("serve --host nowhere.invalid", 4, "choose with --port"),
    ],
)
def test_a_mistake_names_its_mend(home: Path, arguments: str, code: int, words: str) -> None:
    ended, said = cloche(home, *arguments.split())
    assert words in said
    assert ended == code


def test_a_description_tells_boxes_ranges_units_and_occurrences(home: Path) -> None:
    _, said = cloche(home, "describe", "area")
    assert re.search(r"box: bounding box in .*4326", said), said
    assert re.search(r"factors: double 0\.0\.\. metre  \(0 to any number\)", said), said
    described = json.loads(cloche(home, "describe", "area", "--json")[1])
    assert (described["id"], described["version"]) == ("area", "3")


def test_nothing_to_publish_is_said(home: Path) -> None:
    (home / "cloche.toml").write_text("[processing]\npackages = []\n")
    code, said = cloche(home, "processes")
    assert code == 0
    assert "No packages: name some in [processing] packages of cloche.toml, or try --demo." in said


def test_init_writes_over_nothing(home: Path) -> None:
    code, said = cloche(home, "init", "new")
    assert (code, "wrote new/cloche.toml" in said) == (0, True)
    code, said = cloche(home, "init", "new")
    assert (code, "is there already; choose another directory" in said) == (1, True)


def test_the_test_of_a_new_package_runs_whatever_is_configured_around_it(home: Path) -> None:
    (home / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--no-such-option"\n')
    assert cloche(home, "init", "new")[0] == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=home / "new", capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, " passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_init_says_what_a_shell_understands(home: Path) -> None:
    code, said = cloche(home, "init", "two words")
    assert (code, "cd 'two words' && cloche serve" in said) == (0, True)


def test_a_circle_of_links_is_told(home: Path) -> None:
    (home / "circle.py").symlink_to("circle.py")
    (home / "cloche.toml").write_text('[processing]\npackages = ["./shapes.py", "./circle.py"]\n')
    code, said = cloche(home, "processes")
    assert code == 1, said
    assert "area" in said
    assert "is not served" in said


def test_a_data_directory_that_cannot_be_one(home: Path) -> None:
    (home / "cloche-data").write_text("a file")
    code, said = cloche(home, "serve", "--port", 0)
    assert code == 4
    assert f"{home / 'cloche-data'} cannot be used: " in said
    assert "choose another [server] datadir" in said


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (
            "nobody-of-that-name",
            "[processing] user: there is no account 'nobody-of-that-name'; create it or name another",
        ),
        ("root", "[processing] user: executions never run as root; name another account"),
    ],
)
def test_an_account_that_executions_cannot_have(home: Path, user: str, words: str) -> None:
    needs.need("root", when=os.getuid() == 0, reason="only a server that runs as root has another account")
    (home / "cloche.toml").write_text(f'{SETTINGS}user = "{user}"\n')
    for command in ("serve", "doctor", "processes", "describe area", "run area -i box=1,1,2,2"):
        code, said = cloche(home, *command.split())
        assert (code, words in said) == (3, True), said


def test_what_is_known_of_a_job(home: Path) -> None:
    server = live.start(home, SETTINGS)
    try:
        execute = "/wps?service=WPS&version=1.0.0&request=Execute&identifier=area&DataInputs=box={}"
        server.get(execute.format("1,1,3,4"))
        server.get(execute.format("1,1,1,1"))
    finally:
        server.end()
    _, listed = cloche(home, "jobs", "list")
    good = re.search(r"^(\S+) +area +succeeded +100 ", listed, re.MULTILINE)
    bad = re.search(r"^(\S+) +area +failed .*The box is empty\.", listed, re.MULTILINE)
    assert good
    assert bad
    _, said = cloche(home, "jobs", "show", good[1])
    for line in (
        rf"job         {good[1]}",
        r"process     area 3 of .*shapes\.py",
        r"state       succeeded",
        r"mode        multiprocessing",
        r"progress    100 %( multiplying)?",
        r"created     \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
        r"used        [\d.]+ s, [\d.]+ s of processor, .+",
        r"output      result: 6\.0 square metre",
    ):
        assert re.search(f"^{line}$", said, re.MULTILINE), (line, said)
    _, said = cloche(home, "jobs", "show", bad[1])
    assert re.search(r"^failure     process: The box is empty\.$", said, re.MULTILINE), said
    code, said = cloche(home, "jobs", "purge", "--older-than", "soon")
    assert (code, "--older-than: " in said) == (2, True)
    code, said = cloche(home, "jobs", "dismiss", good[1])
    assert (code, said) == (0, f"{good[1]}: has ended already (succeeded)\n")
    assert "area" not in cloche(home, "jobs", "list", "--process", "other")[1]
    code, said = cloche(home, "jobs", "show", "none")
    assert (code, "There is no job none." in said) == (1, True)


def test_a_server_without_processes_says_what_to_do(home: Path) -> None:
    server = live.start(home, "[processing]\npackages = []\n")
    try:
        said = next(line for line in server.log() if line["event"] == "nothing is published")
        assert json.loads(server.get("/healthz")[1])["status"] == "nothing to execute"
    finally:
        server.end()
    assert said["mend"] == "name packages in [processing] packages, or add --demo"


def test_settings_of_a_process_that_there_is_not_are_named(home: Path) -> None:
    (home / "cloche.toml").write_text(SETTINGS + "[processes.aera]\nparallelprocesses = 1\n")
    words = "[processes.aera] has no effect: there is no such process; did you mean 'area'?"
    for command in ("processes", "doctor"):
        code, said = cloche(home, command)
        assert (code, words in said) == (0, True), said
    server = live.start(home, (home / "cloche.toml").read_text())
    server.end()
    assert [line["problem"] for line in server.log() if line["event"] == "settings of no process"] == [words]
    (home / "shapes.py").write_text("broken")
    assert "has no effect" not in cloche(home, "processes")[1]


def test_the_demo_goes_on_serving_until_it_is_interrupted(home: Path) -> None:
    said = home / "said"
    with said.open("wb") as output:
        demo = subprocess.Popen([live.CLOCHE, "demo", "--port", "0"], cwd=home, stdout=output, stderr=output)
        try:
            until = time.monotonic() + 90
            while "Ctrl-C ends it." not in said.read_text():
                assert demo.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            url = re.search(r"Still serving at (http://\S+)/ \(WPS: \1/wps\); Ctrl-C ends it\.", said.read_text())
            assert url
            live_server = live.Live(url=url[1], home=home, process=demo)
            assert live_server.get("/healthz")[0] == 200
        finally:
            demo.send_signal(signal.SIGINT)
            assert demo.wait(30) == 0
