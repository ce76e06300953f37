"""What a local executor is told once."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from cloche.jobdir.orders import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """``name`` is the mode's name. Paths are absolute.

    ``jobs`` holds the job directories. ``user`` is the unprivileged (uid, gid) of executions where the server is root,
    None where they run as the server's own. ``search`` goes before Python's path when packages are imported.
    ``readable`` is shown to executions beyond the system, Python and their package; ``hidden`` (the server's data,
    database, configuration) never. ``environment`` is all that they inherit beside a handful of fixed variables.
    ``network`` allows processes that declare a need of it to use the host's. ``groups`` is the directory to make
    control groups in: None finds it, an empty text does without. ``prepared`` executions are kept waiting for each
    package that has been used. ``pause_stops_clock``: run time does not count while an execution is paused.
    """

    name: str
    level: Level
    jobs: Path
    user: tuple[int, int] | None = None
    search: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    network: bool = False
    groups: str | None = None
    prepared: int = 2
    pause_stops_clock: bool = True
    start_timeout_s: float = 120.0
    runner: tuple[str, ...] = field(default=(sys.executable, "-I", "-m", "cloche.runner"))
