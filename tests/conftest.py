"""Fixtures for every test, and the rule that CI may not skip what it must run (CLOCHE_REQUIRE)."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

import live
import needs

ROOT = Path(__file__).resolve().parent.parent
# how long an example takes says how busy the machine is
hypothesis.settings.register_profile("cloche", deadline=None)
hypothesis.settings.load_profile("cloche")
REQUIRED = frozenset(filter(None, os.environ.get("CLOCHE_REQUIRE", "").split(",")))


@pytest.fixture(scope="session")
def standards() -> Path:
    """The yardsticks beside the repository: schemas, CHECKLIST.md, echo, corpus, cite, validate.py."""
    folder = ROOT.parent / "shared" / "standards"
    needs.need("standards", when=folder.is_dir(), reason=f"there is no {folder}")
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[live.Live]:
    """A server with the shipped processes and every default, shared by all tests of a worker."""
    with live.home() as folder:
        running = live.start(folder, demo=True)
        yield running
        running.end()


@pytest.fixture
def serve() -> Iterator[Callable[..., live.Live]]:
    """A function that starts servers of one's own: ``serve(settings, demo=…, environment=…, folder=…)``.

    ``folder`` is the home of a server that has ended: the new one takes over its data.
    """
    with ExitStack() as stack:

        def started(settings: str = "", *, folder: Path | None = None, **options) -> live.Live:
            running = live.start(folder or stack.enter_context(live.home()), settings, **options)
            stack.callback(running.end)
            return running

        yield started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _forbid(report, _reason(report), {str(mark.args[0]) for mark in item.iter_markers("wall") if mark.args})
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    if report.skipped:
        _forbid(report, _reason(report), set())
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)


def _forbid(report: pytest.TestReport | pytest.CollectReport, reason: str, names: set[str]) -> None:
    name = next(iter(({needs.named(reason)} | names) & REQUIRED), None)
    if name is not None:
        report.outcome = "failed"
        report.longrepr = f"CLOCHE_REQUIRE lists {name!r}, so this test may not be skipped: {reason}"
