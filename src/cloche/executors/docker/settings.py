"""What a docker executor is told once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerSettings:
    """``name`` is the mode's name. Paths are absolute.

    ``folder`` is the executor's own directory, on the file system of the job directories. ``host`` is the address of
    the daemon, empty: as the environment says (``DOCKER_HOST``), else the local socket. ``image`` is what tasks run in
    that name none. ``packages`` names an image for some packages. ``runtime`` is the daemon's OCI runtime, empty: its
    own choice. ``user`` is the (uid, gid) of executions, None where they run as the server's own. ``network`` is the
    daemon's network for tasks that need one, None: they are refused. ``hidden`` is never mounted. ``prepared``
    containers are kept waiting for each kind of task that has been used, for ``idle_s`` after its last use. ``limits``
    are the ordinary ones: what is prepared ahead of the first task. ``scratch`` bytes of memory are a container's
    ``/tmp``. ``pause_stops_clock``: run time does not count while an execution is paused.
    """

    name: str
    folder: Path
    host: str = ""
    image: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    runtime: str = ""
    user: tuple[int, int] | None = None
    network: str | None = None
    hidden: tuple[Path, ...] = ()
    prepared: int = 2
    pause_stops_clock: bool = True
    idle_s: float = 600.0
    scratch: int = 64 << 20
    call_timeout_s: float = 20.0
    start_timeout_s: float = 120.0
    confirm_timeout_s: float = 10.0
