"""The documentation is a test: what is generated is up to date, what is named exists, what is shown works."""

import importlib.util
import os
import re
import subprocess
import uuid
from pathlib import Path

import pytest

import containers
import live

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text("utf-8")
    return [code for found, code in FENCE.findall(text) if found == language]


def test_generated_parts_are_up_to_date():
    generate = generator()
    outdated = [path.name for path in generate.documents() if path.read_text("utf-8") != generate.renewed(path)]
    assert outdated == [], "run `make docs`"


def test_every_kind_of_generated_part_is_used():
    generate = generator()
    used = {name for path in generate.documents() for _, name, _ in generate.BLOCK.findall(path.read_text("utf-8"))}
    assert used == set(generate.PARTS)


def test_every_room_is_in_the_architecture():
    rooms = {path.name for path in (ROOT / "src" / "cloche").iterdir() if (path / "__init__.py").exists()}
    described = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE))
    assert rooms - described == {"library"}


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    targets = LINK.findall(FENCE.sub("", document.read_text("utf-8")))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_route_is_documented():
    text = (ROOT / "docs" / "http.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(/[^`]*)` \|", text, re.MULTILINE)) == {
        route.replace(":path", "") for route in generator().routes()
    }


def test_the_settings_that_are_shown_are_settings(tmp_path):
    from cloche.app.configuration import read

    shown = [*blocks("docs/settings.md", "toml"), blocks("docs/authoring.md", "toml")[-1]]
    assert shown
    for number, text in enumerate(shown):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        read(file, {}, directory=tmp_path)


def test_the_process_of_the_readme_is_one(tmp_path):
    (code,) = blocks("README.md", "python")
    (tmp_path / "shown.py").write_text(code)
    (tmp_path / "cloche.toml").write_text('[processing]\npackages = ["./shown.py"]\n')
    done = run("cloche describe grow", tmp_path)
    assert "grow 1.2.0: Grow features by a distance" in done.stdout, done.stderr


def test_the_commands_of_the_readme_are_known():
    """The environment is built by the tests of the installation, the tests by whoever runs this one."""
    assert blocks("README.md", "sh") == [
        "python3 -m venv .venv && . .venv/bin/activate\npip install -e '.[demo]' && cloche demo\n",
        "make test\n",
    ]
    assert (
        "pytest" in subprocess.run(["make", "-n", "test"], check=True, cwd=ROOT, capture_output=True, text=True).stdout
    )


def test_every_command_of_the_tutorial_works(tmp_path):
    with live.home() as home:
        commands = "\n".join(blocks("docs/tutorial.md", "sh"))
        port = str(free_port())
        with_port = commands.replace("localhost:5000", f"127.0.0.1:{port}")
        script = f"set -eux\ntrap 'kill $(jobs -p)' EXIT\n{with_port}"
        done = run(script, home, CLOCHE_SERVER__PORT=port, PYTEST_ADDOPTS="-p no:cacheprovider")
    assert done.returncode == 0, done.stderr[-4000:]
    for shown in blocks("docs/tutorial.md", "text"):
        assert shown in done.stdout
    assert "Hello, World!<?xml" in done.stdout  # the raw output, and the next answer right behind it
    assert "2 passed" in done.stdout


def test_the_process_of_the_tutorial_is_the_template():
    (code,) = blocks("docs/tutorial.md", "python")
    template = ROOT / "src" / "cloche" / "app" / "template" / "processes.py.txt"
    assert code in template.read_text("utf-8")


@pytest.mark.timeout(600)
def test_every_command_of_the_page_about_images_works():
    """Under names of its own, so that images of these names stay. The base is that of all tests, made the same way."""
    base, made = (f"cloche-docs-{name}-{uuid.uuid4().hex[:8]}" for name in ("base", "slugs"))
    engine = containers.engine("docker")
    commands = "\n".join(blocks("docs/docker.md", "sh"))
    assert commands.startswith("cloche image base\n")
    commands = commands.removeprefix("cloche image base\n")
    commands = commands.replace("image build", f"image build --base {base} --tag {made}").replace("cloche-slugs", made)
    engine.client.images.get(containers.base_image(engine)).tag(base)
    try:
        with live.home() as home:
            done = run(f"set -eux\n{commands}", home, timeout=500)
    finally:
        for name in (base, made):
            engine.remove(name)
    assert done.returncode == 0, done.stderr[-4000:]
    for shown in blocks("docs/docker.md", "text"):
        assert shown in done.stdout


def test_the_settings_of_the_page_about_images_are_settings(tmp_path):
    from cloche.app.configuration import read
    from cloche.executors.docker.images import needs, source

    table, *shown = blocks("docs/docker.md", "toml")
    assert shown
    for number, text in enumerate(shown):
        (tmp_path / f"{number}.toml").write_text(text)
        read(tmp_path / f"{number}.toml", {}, directory=tmp_path)
    (tmp_path / "pyproject.toml").write_text(table)
    (tmp_path / "mine.py").write_text("")
    assert needs.read(source.locate("./mine.py", tmp_path)).apt == ("grass-core",)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(script: str, folder: Path, timeout: float = 100, **environment: str) -> subprocess.CompletedProcess:
    path = f"{live.CLOCHE.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script],
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
