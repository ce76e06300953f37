"""The docker mode, as the settings want it. Its library is an extra, imported only where containers are wanted."""

from pathlib import Path
from typing import TYPE_CHECKING

from cloche import __version__
from cloche.app.hosts import CannotServe, owner
from cloche.app.settings import DOCKER, Settings

if TYPE_CHECKING:
    from cloche.executors.docker.capabilities import Containers
    from cloche.executors.docker.executor import DockerExecutor
    from cloche.executors.docker.settings import DockerSettings

WALLS = "a container: no network, read-only root, no capabilities, limits; Landlock and seccomp inside"


def are_wanted(settings: Settings) -> bool:
    """Whether anything may be executed in a container."""
    processing = settings.processing
    return processing.mode == DOCKER or bool(
        processing.image or settings.packages or any(one.mode == DOCKER for one in settings.processes.values())
    )


def docker_settings(settings: Settings, slots: Path) -> "DockerSettings":
    """What the executor is told. Raises CannotServe."""
    from cloche.executors.docker.settings import DockerSettings

    processing = settings.processing
    return DockerSettings(
        name=DOCKER,
        folder=slots,
        host=processing.containers,
        image=processing.image,
        packages=tuple((name, package.image) for name, package in settings.packages.items() if package.image),
        runtime=processing.runtime,
        user=owner(settings),
        network=processing.containernetwork if processing.network else None,
        hidden=(settings.server.datadir, *processing.hiddenpaths),
        prepared=processing.prepared,
        pause_stops_clock=not processing.pausedclock,
    )


def probed(settings: Settings, folder: Path) -> "Containers | str":
    """What containers can do here; a text where not even the library is there. Raises CannotServe."""
    try:
        from cloche.executors.docker.capabilities import probe
    except ModuleNotFoundError as error:
        return f"the library {error.name} is not installed: pip install 'cloche[docker]'"
    return probe(docker_settings(settings, folder), __version__)


def opened(settings: Settings, slots: Path) -> "DockerExecutor":
    """The executor; the daemon may be away. Raises CannotServe."""
    try:
        from cloche.executors.docker.executor import DockerExecutor
    except ModuleNotFoundError as error:
        raise CannotServe(f"mode docker needs the library {error.name}: pip install 'cloche[docker]'") from None
    try:
        return DockerExecutor(docker_settings(settings, slots))
    except OSError as error:
        raise CannotServe(
            f"mode docker does not work with this data directory: {error}; put [server] datadir on a local file system"
        ) from None
