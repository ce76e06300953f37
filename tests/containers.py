"""Container engines and images for tests. No registry: the base comes from Debian's mirror, and is kept between runs.

``make images`` makes them ahead, as .ci/run does.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import needs
from cloche.executors.docker.images import base, debian
from cloche.executors.docker.images.engine import Engine, connect
from cloche.executors.docker.images.errors import ImageError

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "cloche"
ROOMS = ("authoring", "jobdir", "library", "model", "runner", "values")
SUITE = "bookworm"
PYTHON = "3.11"
GEO = ("contourpy", "geopandas", "numpy", "pyogrio", "pyproj", "rasterio", "rio-cogeo", "shapely")
PODMAN = os.environ.get("CLOCHE_TEST_PODMAN", "unix:///run/podman/podman.sock")
ADDRESSES = {"docker": "", "podman": PODMAN}
LIBRARIES = f"/usr/local/lib/python{PYTHON}/dist-packages"


@cache
def engine(name: str) -> Engine:
    """The engine ``docker`` or ``podman``; the test is skipped where it does not answer."""
    try:
        return connect(ADDRESSES[name])
    except ImageError as error:
        needs.missing(name, str(error))


@cache
def base_image(engine: Engine) -> str:
    """Tag of a bare Debian with Python; built at most once for one recipe."""
    tag = f"cloche-test-base:{_digest(Path(debian.__file__).read_bytes(), SUITE.encode())}"
    with _alone("base"):
        if engine.find(tag) is None and not _borrowed(engine, tag):
            base.from_debian(engine, tag, suite=SUITE, say=_say)
    return tag


@cache
def image(engine: Engine, *, geo: bool = False) -> str:
    """Tag of an image that executions can use: the base, the rooms as they are now, the shipped library.

    ``geo`` adds the geographic libraries. The label ``cloche.test`` marks them all.
    """
    below = geo_image(engine) if geo else base_image(engine)
    files = sorted(path for name in ROOMS for path in (SOURCE / name).rglob("*") if _is_source(path))
    files += sorted(SOURCE.glob("*.py"))
    digest = _digest(below.encode(), *(_named(path) for path in files))
    with _alone("image"):
        return _built(
            engine, f"cloche-test{'-geo' if geo else ''}:{digest}", below, SOURCE, files, f"{LIBRARIES}/cloche"
        )


@cache
def geo_image(engine: Engine) -> str:
    """Tag of the base with the geographic libraries of the extra ``geo``, from wheels for its Python."""
    below = base_image(engine)
    tag = f"cloche-test-geo-base:{_digest(below.encode(), *(name.encode() for name in GEO))}"
    with _alone("geo"):
        if engine.find(tag) is not None or _borrowed(engine, tag):
            return tag
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([*_PIP, "--target", folder, *GEO], check=True, stdout=sys.stderr)
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            return _built(engine, tag, below, Path(folder), files, LIBRARIES)


_PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary=:all:", "--implementation=cp")
_PIP += (f"--python-version={PYTHON}", "--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64")


def _built(engine: Engine, tag: str, below: str, source: Path, files: list[Path], target: str) -> str:
    """``below`` with files of a directory added, and compiled: the root is read-only later."""
    if engine.find(tag) is None:
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder)
            for path in files:
                copy = context / "content" / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
            (context / "Dockerfile").write_text(
                f'FROM {below}\nLABEL cloche.test=""\nCOPY content {target}\nRUN python3 -m compileall -q {target}\n'
            )
            engine.build(context, tag, network="none", arguments={}, say=_say)
    return tag


def _borrowed(engine: Engine, tag: str) -> bool:
    """Whether another engine had the image already, and lent it."""
    for name, address in ADDRESSES.items():
        try:
            other = connect(address)
        except ImageError:
            continue
        if other.address == engine.address or other.find(tag) is None:
            continue
        _say(f"{tag} comes from {name}")
        with tempfile.TemporaryFile() as file:
            for chunk in other.client.images.get(tag).save(named=True):
                file.write(chunk)
            file.seek(0)
            engine.load(file, tag)
        return True
    return False


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _named(path: Path) -> bytes:
    return os.fspath(path.relative_to(SOURCE)).encode() + b"\0" + path.read_bytes()


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One worker makes an image, the others wait for it."""
    with Path(tempfile.gettempdir(), f"cloche-test-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main() -> None:
    """Make every image, in every engine that answers."""
    for name, address in ADDRESSES.items():
        try:
            found = connect(address)
        except ImageError as error:
            print(f"{name}: {error}")
            continue
        print(f"{name}: {found.title()}, {image(found)}, {image(found, geo=True)}")


if __name__ == "__main__":
    main()
