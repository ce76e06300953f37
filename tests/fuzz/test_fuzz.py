"""Half a minute of fuzzing, and the corpus through what the fuzzer calls."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import needs

HERE = Path(__file__).parent


def _load(name):
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def targets():
    return _load("targets")


@pytest.fixture(scope="module")
def seeds():
    return _load("seeds")


@pytest.mark.parametrize("name", ["kvp", "xml", "json"])
def test_the_corpus_is_read_or_refused(targets, seeds, standards, name):
    sent = seeds.seeds(standards, name)
    assert len(sent) > 50
    for seed in sent:
        targets.TARGETS[name](seed)


@pytest.mark.parametrize(("name", "count"), [("kvp", 2), ("xml", 2), ("json", 1)])
def test_requests_of_our_own_are_accepted(targets, seeds, monkeypatch, name, count):
    """The fuzzer begins where everything is right: else it would only ever see refusals."""
    accepted = []
    monkeypatch.setattr(targets, "_canonical", accepted.append)
    for text in seeds.OWN[name]:
        for head in seeds.HEADS[name]:
            targets.TARGETS[name](head + text.encode())
    assert len({request.inputs for request in accepted if request.inputs}) >= count


@pytest.mark.timeout(400)
def test_half_a_minute(standards, tmp_path):
    needs.need("atheris", when=importlib.util.find_spec("atheris") is not None, reason="it is not installed")
    command = [sys.executable, HERE / "run.py", "--seconds", "30", "--findings", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stdout
    runs = dict(re.findall(r"^(\w+): (\d+) runs", done.stdout, re.MULTILINE))
    assert runs.keys() == {"kvp", "xml", "json"}
    assert all(int(count) > 200 for count in runs.values()), runs
