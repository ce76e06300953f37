"""Docker executors for tests, with an image of this host's own Python."""

import contextlib
import functools
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import docker as library
import needs
import quick_image
from cloche.executors.docker.daemon import Daemon, Seen
from cloche.executors.docker.places import identity
from cloche.executors.docker.recipe import OWNER
from cloche.executors.docker.settings import DockerSettings
from cloche.ports.executor import Unreachable
from executions import owner

PODMAN = os.environ.get("CLOCHE_TEST_PODMAN", "unix:///run/podman/podman.sock")


@functools.cache
def missing(host: str = "") -> str:
    """Why there is no container daemon, or an empty text."""
    with contextlib.closing(Daemon(host, call_timeout_s=5, start_timeout_s=5)) as daemon:
        try:
            daemon.version()
        except Unreachable as error:
            return str(error)
    return ""


def image(host: str = "") -> str:
    """The name of an image that tasks can run in."""
    return quick_image.image(host or None)


def image_with(name: str, files: dict[str, str]) -> str:
    """The same with Python modules in it, under a name of its own."""
    client = library.from_env()
    made = client.containers.create(image(), "true")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    try:
        made.put_archive("/usr/lib/python3/dist-packages", buffer.getvalue())
        made.commit(name)
    finally:
        made.remove(force=True)
        client.close()
    return name


def need_docker() -> None:
    """Skip where there is no Docker."""
    need_engine("docker")


def need_engine(name: str) -> str:
    """The address of ``docker`` (empty: as the surroundings say) or ``podman``; skip where it does not answer."""
    host = PODMAN if name == "podman" else ""
    needs.need(name, when=not missing(host), reason=missing(host))
    return host


def docker(folder: Path, **changes: Any) -> DockerSettings:
    """Settings of a docker executor whose server keeps its data in ``folder``."""
    given: dict[str, Any] = {
        "name": "docker",
        "folder": folder / "slots",
        "image": image(changes.get("host", "")),
        "user": owner(),
        "hidden": (folder,),
    }
    return DockerSettings(**given | changes)


def containers(datadir: Path, host: str = "") -> list[Seen]:
    """What there is of the server that keeps its data in ``datadir``."""
    slots = datadir / "slots"
    if not slots.exists() or missing(host):
        return []
    daemon = Daemon(host, call_timeout_s=20, start_timeout_s=60)
    try:
        return daemon.labelled(f"{OWNER}={identity(slots)}")
    finally:
        daemon.close()


def remove_containers(datadir: Path, host: str = "") -> None:
    """Whatever executors over ``datadir`` have left to the engine, which is not there in their tests."""
    daemon = Daemon(host, call_timeout_s=20, start_timeout_s=60)
    for seen in containers(datadir, host):
        daemon.remove(seen.id)
    daemon.close()
