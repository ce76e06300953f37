"""The command line as people use it: real processes, exit codes, and errors that name the mend."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import live

SLEEPY = """
import time
from typing import Annotated

from cloche.process import Input, Job, Output, process


@process(version="1")
def sleepy(seconds: Annotated[float, Input("How long")], *, job: Job) -> Annotated[str, Output("What was done")]:
    \"\"\"Sleep.\"\"\"
    print("good night", flush=True)
    job.progress(50, "asleep")
    time.sleep(seconds)
    return "rested"
"""


@pytest.fixture
def home():
    with live.home() as folder:
        yield folder


@pytest.fixture
def package(home) -> Path:
    cloche("init", cwd=home)
    return home


def cloche(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [live.CLOCHE, *map(str, arguments)],
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def refusal(code: int, *arguments: object, cwd: Path, **environment: str) -> str:
    """What a refused command says; never a traceback."""
    done = cloche(*arguments, cwd=cwd, **environment)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_help_answers_at_once(tmp_path):
    def duration() -> float:
        start = time.perf_counter()
        assert "serve" in cloche("--help", cwd=tmp_path).stdout
        return time.perf_counter() - start

    assert min(duration() for _ in range(7)) < 0.3


def test_help_imports_nothing_heavy(tmp_path):
    heavy = {"alembic", "httpcore2", "lxml", "msgspec", "rich", "sqlalchemy", "starlette", "structlog", "uvicorn"}
    code = f"import sys, cloche.app.cli.main; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_version(tmp_path):
    assert re.fullmatch(r"cloche \d+\.\d+\.\d+\S*\n", cloche("version", cwd=tmp_path).stdout)


def test_a_new_package_runs_and_its_test_passes(package):
    done = cloche("run", "greet", "-i", "name=World", "-i", "times=2", cwd=package)
    assert (done.returncode, done.stdout) == (0, "result: Hello, World! Hello, World!\n"), done.stderr
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        check=False,
        cwd=package,
        capture_output=True,
        text=True,
    )
    assert "2 passed" in tests.stdout, tests.stdout


def test_init_never_overwrites(package):
    (package / "processes.py").write_text("mine")
    assert "choose another directory" in refusal(1, "init", cwd=package)
    assert (package / "processes.py").read_text() == "mine"


def test_processes_and_describe(package):
    (package / "cloche.toml").write_text('[processing]\npackages = ["./processes.py", "no.such.module"]\n')
    listed = cloche("processes", cwd=package)
    assert "greet" in listed.stdout
    assert "no.such.module" in listed.stderr
    assert "times: integer 1..10 = 1" in cloche("describe", "greet", cwd=package).stdout
    assert json.loads(cloche("describe", "greet", "--json", cwd=package).stdout)["id"] == "greet"
    assert "cloche processes" in refusal(1, "describe", "great", cwd=package)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("greet",), 1, "name is missing"),
        (("greet", "-i", "name=x", "-i", "times=11"), 1, "times"),
        (("greet", "-i", "nam=x"), 2, "there is no input 'nam'"),
        (("greet", "-i", "name"), 2, "name=value"),
        (("greet", "-i", "name=@nowhere"), 2, "there is no file nowhere"),
        (("greet", "-i", "name=x", "-i", "times=0"), 1, "See `cloche describe greet`"),
        (("greet", "-i", "name= "), 1, "There is nobody to greet."),
        (("great",), 1, "cloche processes"),
    ],
)
def test_a_wrong_run_is_refused(package, arguments, code, said):
    assert said in refusal(code, "run", *arguments, cwd=package)


BOX = """
from typing import Annotated

from cloche.process import File, Input, Output, process


@process(version="1")
def box(
    data: Annotated[File, Input("Data", formats=["application/json"])],
) -> Annotated[File, Output("Data", formats=["application/json"])]:
    \"\"\"Give back what came.\"\"\"
    print("it is a box")
    if data.path.read_text() == "{}":
        raise KeyError("lid")
    return data.path
"""


def test_run_is_open_with_the_author(package):
    (package / "processes.py").write_text(BOX)
    (package / "in.json").write_text("[1]")
    (package / "empty.json").write_text("{}")
    assert "write data=@in.json" in refusal(2, "run", "box", "-i", "data=in.json", cwd=package)
    said = refusal(2, "run", "box", "-i", "data=@in.json", "-o", "result=out.gpkg", cwd=package)
    assert "output result is not offered as .gpkg; there are: .json" in said
    said = refusal(2, "run", "box", "-i", "data=@in.json", "-o", "result=out.foo", cwd=package)
    assert "output result is not offered as .foo; there are: .json" in said
    done = cloche("run", "box", "-i", "data=@in.json", "-o", "result=out.json", cwd=package)
    assert (done.returncode, done.stderr.strip()) == (0, "it is a box")
    broken = cloche("run", "box", "-i", "data=@empty.json", cwd=package)
    assert "KeyError: 'lid'" in broken.stderr
    assert broken.stderr.endswith("Error: box failed: see what it printed, above\n")


def test_a_broken_package_is_pointed_at(package):
    path = package / "processes.py"
    path.write_text("import os\nretrun os\n")
    assert f"SyntaxError: invalid syntax ({path}, line 2)" in refusal(1, "run", "greet", cwd=package)
    path.write_text(BOX.replace("data: Annotated", "data: int, other: complex, more: Annotated"))
    assert "is not served: DeclarationError: process box: parameter other" in refusal(1, "run", "box", cwd=package)


def test_run_writes_outputs_to_files(package):
    done = cloche("run", "greet", "-i", "name=World", "-o", "result=out.txt", "--quiet", cwd=package)
    assert done.returncode == 0, done.stderr
    assert (package / "out.txt").read_text() == "Hello, World!"


def test_an_interrupted_run_stops_its_execution(home):
    (home / "sleepy.py").write_text(SLEEPY)
    (home / "cloche.toml").write_text('[processing]\npackages = ["./sleepy.py"]\n')
    (home / "tmp").mkdir()
    running = subprocess.Popen(
        [live.CLOCHE, "run", "sleepy", "-i", "seconds=60", "--quiet"],
        cwd=home,
        env={**os.environ, "TMPDIR": str(home / "tmp")},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: list(home.glob("tmp/cloche-*/jobs/*-*-*-*-*/ctl/started.json")))
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, "Traceback" in said) == (130, False), said
    assert list((home / "tmp").iterdir()) == []


def test_wrong_settings_are_all_named(home):
    (home / "cloche.toml").write_text("[server]\nprot = 1\nport = 'x'\n")
    said = refusal(3, "serve", cwd=home)
    assert "did you mean 'port'?" in said
    assert "[server] port:" in said


def test_a_taken_port_is_said(package):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--port" in refusal(4, "serve", "--port", taken.getsockname()[1], cwd=package)


def test_one_server_owns_a_data_directory(serve):
    first = serve()
    said = refusal(4, "serve", "--config", first.config, "--port", 0, cwd=first.home)
    assert str(first.datadir) in said


def test_serve_says_what_it_does(serve):
    with live.home() as folder:
        (folder / "sleepy.py").write_text(SLEEPY)
        (folder / "broken.py").write_text("import nothing_of_that_name\n")
        server = serve('[processing]\npackages = ["./sleepy.py", "./broken.py"]\n', folder=folder)
        lines = {line["event"]: line for line in server.log()}
        assert lines["mode"]["mode"] in ("sandbox", "multiprocessing")
        assert lines["mode"]["reason"]
        assert lines["package described"]["processes"] == ["sleepy"]
        assert "nothing_of_that_name" in lines["package is not served"]["error"]
        assert lines["serving"]["url"] == server.url
        assert b"sleepy" in server.get("/processes")[1]
        assert json.loads(server.get("/healthz")[1])["processes"] == 1
        assert server.end(signal.SIGTERM) == 0


def test_jobs_of_a_running_server(serve):
    with live.home() as folder:
        (folder / "sleepy.py").write_text(SLEEPY)
        server = serve('[server]\ncleantempdir = false\n[processing]\npackages = ["./sleepy.py"]\n', folder=folder)
        execute = (
            "/wps?service=WPS&version=1.0.0&request=Execute&identifier=sleepy&storeExecuteResponse=true&status=true"
        )
        _, answer = server.get(f"{execute}&DataInputs=seconds=60")
        job = re.search(rb"/wps/jobs/([0-9a-f-]+)", answer)[1].decode()
        assert job in cloche("jobs", "list", cwd=folder).stdout
        until(lambda: "asleep" in cloche("jobs", "show", job, cwd=folder).stdout)
        assert cloche("jobs", "log", job, cwd=folder).stdout == "good night\n"
        assert "dismiss it first" in refusal(1, "jobs", "purge", job, cwd=folder)

        assert "will be dismissed" in cloche("jobs", "dismiss", job, cwd=folder).stdout
        until(lambda: "dismissed" in cloche("jobs", "list", "--state", "dismissed", cwd=folder).stdout)
        assert cloche("jobs", "purge", job, cwd=folder).returncode == 0
        assert "NoSuchJob" not in refusal(1, "jobs", "show", job, cwd=folder)
        assert server.get(f"/wps/jobs/{job}")[0] in (400, 404)


def test_purge_takes_what_is_old_enough(serve):
    with live.home() as folder:
        (folder / "sleepy.py").write_text(SLEEPY)
        server = serve('[processing]\npackages = ["./sleepy.py"]\n', folder=folder)
        server.get("/wps?service=WPS&version=1.0.0&request=Execute&identifier=sleepy&DataInputs=seconds=0")
        assert "0 jobs" in cloche("jobs", "purge", "--older-than", "1h", cwd=folder).stdout
        assert "1 job forgotten" in cloche("jobs", "purge", "--ended", cwd=folder).stdout


def test_run_works_beside_the_data_of_a_server(package, serve):
    serve('[processing]\npackages = ["./processes.py"]\n', folder=package)
    assert cloche("run", "greet", "-i", "name=World", cwd=package).stdout == "result: Hello, World!\n"


def test_jobs_want_a_data_directory(home):
    assert "--datadir" in refusal(1, "jobs", "list", cwd=home)


def test_doctor_speaks_of_every_mode(package):
    done = cloche("doctor", cwd=package)
    assert "sandbox" in done.stdout
    assert "multiprocessing" in done.stdout


def test_demo_executes_three_processes(home):
    done = cloche("demo", "--port", 0, "--exit", cwd=home)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout
    assert done.stdout.count("curl") == 3


def until(condition, patience: float = 20.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_interrupt_before_anything_runs_is_one_too(home):
    (home / "cloche.toml").write_text("[processing]\npackages = []\n")
    (home / "tmp").mkdir()
    starting = subprocess.Popen(
        [live.CLOCHE, "run", "sleepy"],
        cwd=home,
        env={**os.environ, "TMPDIR": str(home / "tmp")},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: list(home.glob("tmp/cloche-*")))
    starting.send_signal(signal.SIGINT)
    _, said = starting.communicate(timeout=30)
    assert (starting.returncode, "Traceback" in said) == (130, False), said
