"""What the server writes into its log."""

import io
import json
import logging

import pytest
import structlog

from cloche.app import logs
from cloche.app.settings import Logging


@pytest.fixture
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail(secret: str) -> None:
    raise ValueError(len(secret))


@pytest.mark.parametrize("form", ["json", "console"])
def test_errors_are_logged_without_what_clients_sent(restored, form):
    stream = io.StringIO()
    logs.configure(Logging(format=form), stream)
    try:
        fail("hunter2")
    except ValueError:
        structlog.get_logger("test").exception("step failed", job="a")
    text = stream.getvalue()
    assert "ValueError" in text
    assert "in fail" in text or json.loads(text)["exception"][0]["frames"][-1]["name"] == "fail"
    assert "hunter2" not in text.replace('fail("hunter2")', "")
