"""What packages in images hold: read by running the runner in a container, kept while the daemon is away."""

import json
import threading
import time
from dataclasses import dataclass

from cloche.executors.docker import code
from cloche.executors.docker.daemon import Daemon, Denied, Missing
from cloche.executors.docker.recipe import Kind
from cloche.executors.docker.settings import DockerSettings
from cloche.executors.docker.slots import Maker
from cloche.model.codec import CodecError, decode
from cloche.model.process import ProcessDescription
from cloche.ports.describer import PackageBroken, PackageDescription
from cloche.ports.executor import Refused, Unreachable

NO_IMAGE = "no image is named: [processing] image or [packages.NAME] image"
_FRESH_S = 10.0


@dataclass(frozen=True, slots=True)
class Version:
    """An image by its identifier, the package's paths on the host, the state of their files; when it was looked at."""

    image: str
    code: tuple[str, ...]
    state: str
    at: float

    @property
    def fingerprint(self) -> str:
        return f"{self.image} {self.state}"


class Descriptions:
    """Implements ``ports.describer.Describer`` for the docker executor, and knows which image a package is in."""

    def __init__(self, settings: DockerSettings, daemon: Daemon, maker: Maker) -> None:
        self._settings = settings
        self._images = dict(settings.packages)
        self._daemon = daemon
        self._maker = maker
        self._versions: dict[tuple[str, str], Version] = {}
        self._described: dict[str, PackageDescription] = {}
        self._lock = threading.Lock()

    def describe(self, package: str) -> PackageDescription:
        try:
            version = self._look(package, "")
            found = self._read(package, version)
        except Unreachable as error:
            with self._lock:
                known = self._described.get(package)
            if known is None:
                raise PackageBroken(str(error)) from None
            return known
        except (Missing, Denied) as error:
            raise PackageBroken(self._about_image(package, error)) from None
        except Refused as error:
            raise PackageBroken(error.detail or str(error)) from None
        with self._lock:
            self._described[package] = found
        return found

    def fingerprint(self, package: str) -> str:
        try:
            return self._look(package, "").fingerprint
        except Unreachable as error:
            with self._lock:
                known = self._described.get(package)
            if known is None:
                raise PackageBroken(str(error)) from None
            return known.fingerprint  # what is published stays so while the daemon is away
        except (Missing, Denied) as error:
            raise PackageBroken(self._about_image(package, error)) from None

    def version(self, package: str, image: str | None) -> Version:
        """The package as of a moment ago. Raises Missing, Denied, Unreachable."""
        now = time.monotonic()
        with self._lock:
            known = self._versions.get((package, image or ""))
        if known is not None and now - known.at < _FRESH_S:
            return known
        try:
            return self._look(package, image or "")
        except Unreachable:
            if known is None:
                raise
            return known

    def _image(self, package: str, image: str) -> str:
        return image or self._images.get(package) or self._settings.image

    def _about_image(self, package: str, error: Exception) -> str:
        name = self._image(package, "")
        return f"image {name}: {error}" if name else str(error)

    def _look(self, package: str, image: str) -> Version:
        name = self._image(package, image)
        if not name:
            raise Missing(NO_IMAGE)
        try:
            identifier = self._daemon.image(name)
        except (Missing, Denied):
            with self._lock:
                self._versions.pop((package, image), None)
            raise
        paths = code.places(package, self._settings.hidden)
        version = Version(identifier, paths, code.state(paths), time.monotonic())
        with self._lock:
            self._versions[package, image] = version
        return version

    def _read(self, package: str, version: Version) -> PackageDescription:
        kind = Kind(image=version.image, package=package, code=version.code, state=version.state)
        output, said = self._maker.run(kind, ("describe", package))
        if output is None:
            raise PackageBroken(f"the package was not imported in time\n{said}".strip())
        try:
            processes = decode(tuple[ProcessDescription, ...], json.loads(output))
        except (CodecError, ValueError, RecursionError) as error:
            raise PackageBroken(said or f"the container's descriptions make no sense: {error}") from None
        return PackageDescription(processes=processes, fingerprint=version.fingerprint)
