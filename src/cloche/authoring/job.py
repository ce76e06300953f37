"""The handle that process code has on its own job."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cloche.authoring.errors import Cancelled
from cloche.authoring.text import clean
from cloche.model.formats import Format

if TYPE_CHECKING:
    from logging import Logger

MAX_MESSAGE = 300


def _nowhere(percent: int, message: str) -> None:
    """Progress that nobody follows."""


@dataclass(slots=True)
class Job:
    """What a process gets for a parameter annotated ``Job``. Tests of process code make their own: ``Job(tmp_path)``.

    ``workdir`` is the current directory, private to this execution and removed after it. ``wanted`` says which outputs
    the client asked for, complex ones in which format: what is not wanted need not be computed. ``language`` is the
    client's, or empty.
    """

    workdir: Path
    id: str = "test"
    language: str = ""
    wanted: Mapping[str, Format | None] = field(default_factory=dict)
    report: Callable[[int, str], None] = _nowhere
    percent: int = field(default=0, init=False)
    _stopping: bool = field(default=False, init=False)
    _cooperative: bool = field(default=False, init=False)

    def progress(self, percent: float, message: str = "") -> None:
        """Tell the client how far the job is, 0 to 100; it never goes back.

        Raises Cancelled once the job is being stopped, so that most code needs to do nothing about it; code that has
        asked for ``cancelled`` looks after that itself.
        """
        if self._stopping and not self._cooperative:
            raise Cancelled("the job is being stopped")
        if math.isfinite(percent):
            self.percent = max(self.percent, min(100, int(percent)))
        self.report(self.percent, clean(message, MAX_MESSAGE))

    @property
    def log(self) -> "Logger":
        """Where notes for operators go: the job's own log."""
        import logging

        return logging.getLogger("cloche.job")

    @property
    def cancelled(self) -> bool:
        """Whether the job is being stopped: there are seconds left to leave in order."""
        self._cooperative = True
        return self._stopping

    def cancel(self) -> None:
        """Note that the job is being stopped. The runner calls this, and tests."""
        self._stopping = True
