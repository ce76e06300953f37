"""Base images that come from no registry."""

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cloche.executors.docker.images import debian, hostpython
from cloche.executors.docker.images.engine import Engine, Image, Say
from cloche.executors.docker.images.errors import ImageError

LABEL = "cloche.base"
LEAST_PYTHON = (3, 11)
_CHANGES = (
    'CMD ["python3"]',
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
)
_TRIAL = "import sys; print('python', *sys.version_info[:2])"
_TRIAL_S = 60.0


def from_debian(
    engine: Engine, tag: str, *, suite: str, mirror: str = "", packages: Sequence[str] = (), say: Say = print
) -> Image:
    """Debian or Ubuntu with Python and ``packages``, by debootstrap. Needs root. Raises ImageError."""
    with _folder() as folder:
        root, archive = folder / "root", folder / "root.tar"
        debian.bootstrap(root, suite, debian.sources(suite, mirror), packages, say)
        _pack(root, archive)
        say(f"import of {archive.stat().st_size >> 20} MiB as {tag}")
        return _imported(engine, archive, tag, f"debootstrap {suite}")


def from_host(engine: Engine, tag: str, *, say: Say = print) -> Image:
    """This interpreter and what it needs, and no shell, no package manager. Raises ImageError."""
    with _folder() as folder:
        archive = folder / "root.tar"
        hostpython.write_root(archive)
        say(f"import of {archive.stat().st_size >> 20} MiB as {tag}")
        return _imported(engine, archive, tag, "host")


def from_archive(engine: Engine, tag: str, archive: Path, *, say: Say = print) -> Image:
    """The root directory, or the saved image, that a tar archive holds. Raises ImageError."""
    try:
        with tarfile.open(archive) as tar:
            saved = {"manifest.json", "index.json"} & set(tar.getnames())
    except (tarfile.TarError, OSError) as error:
        raise ImageError(f"cannot read {archive} as a tar archive: {error}") from None
    say(f"{'load' if saved else 'import'} of {archive} as {tag}")
    if not saved:
        return _imported(engine, archive, tag, archive.name)
    with archive.open("rb") as file:
        return _proven(engine, engine.load(file, tag), tag)


def python_version(engine: Engine, tag: str) -> tuple[int, int]:
    """Of the ``python3`` in an image. Raises ImageError where there is none, or one that is too old."""
    ran = engine.run(tag, ["python3", "-c", _TRIAL], timeout_s=_TRIAL_S, network_mode="none")
    match ran.output.split():
        case ["python", major, minor] if ran.code == 0:
            version = (int(major), int(minor))
        case _:
            raise ImageError(f"{tag} has no python3 that runs: {ran.output.strip()[-500:]}")
    if version < LEAST_PYTHON:
        least = ".".join(map(str, LEAST_PYTHON))
        raise ImageError(f"{tag} has Python {version[0]}.{version[1]}, {least} is needed: take a later suite")
    return version


def _imported(engine: Engine, archive: Path, tag: str, origin: str) -> Image:
    return _proven(engine, engine.import_root(archive, tag, (*_CHANGES, f'LABEL {LABEL}="{origin}"')), tag)


def _proven(engine: Engine, image: Image, tag: str) -> Image:
    try:
        python_version(engine, tag)
    except ImageError:
        engine.remove(tag)
        raise
    return image


def _pack(root: Path, archive: Path) -> None:
    command = ["tar", "--numeric-owner", "--xattrs", "--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*"]
    command += ["-C", os.fspath(root), "-cf", os.fspath(archive), "."]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - no shell reads it
    if done.returncode:
        raise ImageError(f"tar failed: {done.stderr.strip()[-500:]}")


@contextmanager
def _folder() -> Iterator[Path]:
    """Room for a root directory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cloche-image-") as folder:
        yield Path(folder)
