"""What ``run.py`` makes of Maven, of properties and of results."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def runner():
    spec = importlib.util.spec_from_file_location("cite_run", Path(__file__).with_name("run.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_results(runner, tmp_path):
    assert runner.results(tmp_path) is None
    (tmp_path / "testng" / "uuid").mkdir(parents=True)
    (tmp_path / "testng" / "uuid" / "testng-results.xml").write_text(
        '<testng-results skipped="1" failed="1" ignored="0" total="5" passed="3"><suite><test><class>'
        '<test-method status="PASS" name="one"/><test-method status="FAIL" name="two"><exception><message>'
        "<![CDATA[ expected 200 ]]></message></exception></test-method></class></test></suite></testng-results>"
    )
    found = runner.results(tmp_path)
    assert (found.passed, found.failed, found.skipped) == (3, 1, 1)
    assert found.failures == (("two", "expected 200"),)


@pytest.mark.parametrize(
    ("name", "address"),
    [("wps10", "http://h:1/wps/1.0.0<"), ("wps20", "http://h:1/wps/2.0.0<"), ("processes10", "http://h:1<")],
)
def test_properties(runner, standards, tmp_path, name, address):
    text = runner.fill(runner.SUITES[name], "http://h:1", tmp_path, standards).read_text()
    assert address in text
    assert "@" not in text.replace("@asReference", "")
    if name == "wps10":
        assert f"file:{tmp_path}/wps10-raw.xml" in text
        assert (tmp_path / "wps10-raw.xml").is_file()


def test_a_jar_that_is_there(runner, tmp_path):
    jar = tmp_path / "ets-wps20-1.1-aio.jar"
    jar.touch()
    assert runner.obtain(runner.SUITES["wps20"], tmp_path, maven="no-such-command") == jar


@pytest.mark.parametrize("maven", ["no-such-command", "false"])
def test_a_jar_that_cannot_be_had(runner, tmp_path, maven):
    with pytest.raises(runner.Unavailable, match=re.escape("org.opengis.cite:ets-wps20:1.1:jar:aio")):
        runner.obtain(runner.SUITES["wps20"], tmp_path, maven=maven)


@pytest.mark.parametrize(("absent", "failing", "code"), [("a", "", 3), ("a", "b", 1), ("", "b", 1), ("", "", 0)])
def test_a_failure_weighs_more_than_an_absent_jar(runner, monkeypatch, tmp_path, capsys, absent, failing, code):
    def obtain(suite, folder):
        if suite in absent:
            raise runner.Unavailable(f"tried {suite}")
        return folder

    monkeypatch.setattr(runner, "SUITES", {"a": "a", "b": "b"})
    monkeypatch.setattr(runner, "obtain", obtain)
    monkeypatch.setattr(runner, "_run", lambda jars, seconds: bool(set(failing) & jars.keys()))
    assert runner.run(["a", "b"], tmp_path, 1) == code
    assert capsys.readouterr().out == (f"{absent}: not run, no jar: tried {absent}\n" if absent else "")
