"""Where executions are held still in version 1 of control groups: a group that is frozen for ever, beside our own."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import structlog

from cloche.jobdir.orders import FROZEN_GROUP

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Freezer:
    """``frozen`` and ``thawed`` are groups; what is moved into them stands still, or goes on."""

    frozen: Path
    thawed: Path

    @staticmethod
    def open(root: Path) -> "Freezer | None":
        """In the server's own group, so that whoever freezes that one freezes all. None where it cannot be had."""
        top = root / "freezer"
        thawed = next((group for group in (_own(top), top) if group and (group / "cgroup.procs").exists()), None)
        if thawed is None:
            return None
        frozen = thawed / FROZEN_GROUP
        try:
            frozen.mkdir(exist_ok=True)
            (frozen / "freezer.state").write_text("FROZEN")
        except OSError as error:
            log.debug("no freezer", reason=str(error))
            return None
        return Freezer(frozen, thawed)

    def thaw(self, pid: int) -> None:
        """Let one process go on."""
        with contextlib.suppress(OSError):
            (self.thawed / "cgroup.procs").write_text(str(pid))

    def descriptors(self) -> tuple[int, int]:
        """To move processes into ``frozen`` and into ``thawed`` with: the right to do so is checked here."""
        frozen = _open(self.frozen)
        try:
            return frozen, _open(self.thawed)
        except OSError:
            os.close(frozen)
            raise


def _own(top: Path) -> Path | None:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "freezer" in controllers.split(","):
            return top / path.lstrip("/")
    return None


def _open(group: Path) -> int:
    return os.open(group / "cgroup.procs", os.O_RDWR | os.O_CLOEXEC)
