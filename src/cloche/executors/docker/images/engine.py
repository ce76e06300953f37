"""The container engine as far as images go: Docker, or podman's compatible service."""

import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from cloche.executors.docker.images.errors import ImageError

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.images import Image as SdkImage

    import docker

_TIMEOUT_S = 600
_MAX_REASON = 500

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that the engine holds. ``size`` is in bytes."""

    id: str
    size: int
    labels: Mapping[str, str]
    architecture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A container that has ended; ``output`` is what it printed, both streams."""

    code: int
    output: str


class Engine:
    """One engine. Every method raises ImageError."""

    def __init__(self, client: "docker.DockerClient", address: str, *, from_environment: bool) -> None:
        """``from_environment``: found as every tool finds it, certificates included."""
        self.client = client
        self.address = address
        self.from_environment = from_environment

    def title(self) -> str:
        """Name and version, such as "Docker 20.10.24"."""
        with _explained("ask for its version"):
            version = self.client.version()
        names = [part.get("Name", "") for part in version.get("Components") or ()]
        name = "Podman" if any("podman" in one.lower() for one in names) else "Docker"
        return f"{name} {version.get('Version', '')}"

    def find(self, tag: str) -> Image | None:
        """The image of that name, digest or id; None when the engine has none."""
        from docker.errors import ImageNotFound

        try:
            with _explained(f"look for {tag}", passing=(ImageNotFound,)):
                return _image(self.client.images.get(tag))
        except ImageNotFound:
            return None

    def get(self, tag: str) -> Image:
        """The same, where it has to be there."""
        found = self.find(tag)
        if found is None:
            raise ImageError(
                f"{self.address} has no image {tag}: make it with `cloche image build --tag {tag}`, "
                "or load or pull it into that engine"
            )
        return found

    def import_root(self, archive: Path, tag: str, changes: Sequence[str]) -> Image:
        """An image of one layer from a tar archive of a root directory; ``changes`` are Dockerfile lines."""
        with _explained(f"import {archive}"), archive.open("rb") as file:
            answer = self.client.api.import_image_from_data(cast("bytes", file), changes=list(changes))
            # podman takes no tag along with an import
            self.client.images.get(_imported(answer)).tag(*split(tag))
        return self.get(tag)

    def load(self, file: BinaryIO, tag: str) -> Image:
        """The one image of an archive that ``docker save`` wrote, under one more name."""
        with _explained("load the archive"):
            loaded = self.client.images.load(cast("bytes", file))
            if len(loaded) != 1:
                raise ImageError(f"the archive holds {len(loaded)} images: save a single one with `docker save IMAGE`")
            loaded[0].tag(*split(tag))
        return self.get(tag)

    def build(self, context: Path, tag: str, *, network: str, arguments: Mapping[str, str], say: Say) -> Image:
        """The image of ``context/Dockerfile``; every line that the build prints goes to ``say``."""
        with _explained("build the image"), tempfile.TemporaryFile() as archive:
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.add(context, ".", filter=_plain)
            archive.seek(0)
            lines = self.client.api.build(
                fileobj=cast("IO[bytes]", archive),
                custom_context=True,
                tag=tag,
                network_mode=network or None,
                buildargs=dict(arguments),
                rm=True,
                forcerm=True,
                decode=True,
                timeout=_TIMEOUT_S,
            )
            _follow(lines, say)
        return self.get(tag)

    def pull(self, tag: str) -> Image:
        """Fetch an image from its registry."""
        with _explained(f"pull {tag}, which is not here"):
            self.client.images.pull(*split(tag))
        return self.get(tag)

    def remove(self, tag: str) -> None:
        """Take the name away, and the image when it has no other and no container."""
        from docker.errors import ImageNotFound

        try:
            with _explained(f"remove {tag}", passing=(ImageNotFound,)):
                self.client.images.remove(tag)
        except ImageNotFound:
            return

    def run(self, image: str, command: Sequence[str], *, timeout_s: float, **options: Any) -> Ran:
        """Run a command in a container of its own, which is gone afterwards."""
        with _explained(f"start {image}"):
            return _seen_through(self.client.containers.create(image, list(command), **options), timeout_s)

    def run_config(self, body: dict[str, Any], *, timeout_s: float) -> Ran:
        """The same with the body of a request to create a container, as the API has it."""
        with _explained(f"start {body['Image']}"):
            made = self.client.api.create_container_from_config(body)  # type: ignore[no-untyped-call]
            return _seen_through(self.client.containers.get(made["Id"]), timeout_s)


def connect(address: str = "") -> Engine:
    """The engine at an address such as ``unix:///run/podman/podman.sock``; empty: DOCKER_HOST's. Raises ImageError."""
    try:
        import docker
    except ImportError:
        raise ImageError("containers need the Docker SDK: pip install 'cloche[docker]'") from None
    place = address or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    with _explained(f"reach the container engine at {place}"):
        client = docker.DockerClient(base_url=place, timeout=_TIMEOUT_S) if address else _from_environment()
        client.ping()
    return Engine(client, place, from_environment=not address)


def _seen_through(container: "Container", timeout_s: float) -> Ran:
    try:
        container.start()
        code = int(container.wait(timeout=timeout_s)["StatusCode"])
        output = container.logs(stdout=True, stderr=True)
    finally:
        container.remove(force=True, v=True)
    return Ran(code=code, output=output.decode("utf-8", "replace"))


def split(tag: str) -> tuple[str, str]:
    """Repository and tag; the tag is ``latest`` where none is given. The host of a registry may have a port."""
    repository, colon, version = tag.rpartition(":")
    return (repository, version) if colon and "/" not in version else (tag, "latest")


def _from_environment() -> "docker.DockerClient":
    import docker

    return docker.from_env(timeout=_TIMEOUT_S)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same archive from the same files, whoever wrote them and when: engines keep what they built from it."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def _image(found: "SdkImage") -> Image:
    attributes: dict[str, Any] = found.attrs or {}
    return Image(
        id=str(attributes.get("Id", "")),
        size=int(attributes.get("Size", 0)),
        labels=dict(found.labels or {}),
        architecture=str(attributes.get("Architecture", "")),
    )


def _imported(answer: str) -> str:
    """The id in the lines of JSON that an import is answered with. Raises ImageError with the engine's reason."""
    last: dict[str, Any] = json.loads(answer.strip().splitlines()[-1])
    if "error" in last:
        raise ImageError(f"the engine did not import the archive: {last['error']}")
    return str(last["status"])


def _follow(lines: Iterator[Mapping[str, Any]], say: Say) -> None:
    """Pass on what the build prints. Raises ImageError with its last words when it failed."""
    said: list[str] = []
    for line in lines:
        if "error" in line:
            raise ImageError("\n".join(("the build failed:", *said[-15:], str(line["error"]).strip())))
        text = str(line.get("stream", "")).rstrip()
        if text:
            said += text.splitlines()
            say(text)


@contextmanager
def _explained(what: str, *, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Errors of the SDK and of the connection as ImageError, in one line."""
    import requests
    from docker.errors import DockerException

    try:
        yield
    except passing:
        raise
    except (DockerException, requests.RequestException, OSError) as error:
        reason = str(getattr(error, "explanation", None) or error)[:_MAX_REASON]
        hint = " (is it running? DOCKER_HOST names another)" if what.startswith("reach") else ""
        raise ImageError(f"cannot {what}: {reason}{hint}") from None
