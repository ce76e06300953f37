"""What a test needs from its surroundings, by name.

Locally an absent need skips; where the environment variable ``CLOCHE_REQUIRE`` lists the name, the skip is a failure.
"""

from typing import NoReturn

import pytest

PREFIX = "needs "


def missing(name: str, reason: str) -> NoReturn:
    """Skip the running test because ``name`` is absent; a failure where CLOCHE_REQUIRE lists it."""
    pytest.skip(f"{PREFIX}{name}: {reason}")


def need(name: str, *, when: bool, reason: str) -> None:
    """Skip unless ``when``."""
    if not when:
        missing(name, reason)


def named(reason: str) -> str | None:
    """The need that a skip's reason names."""
    if not reason.removeprefix("Skipped: ").startswith(PREFIX):
        return None
    return reason.removeprefix("Skipped: ").removeprefix(PREFIX).split(":", 1)[0].strip()
