"""The wheels that go into an image: those of the requirements, found by this host's pip, and Cloche's own rooms.

Everything is fetched before the build, with this host's configuration of pip (index, mirror, proxy, certificates,
``find-links``); the build itself needs no network for Python and no secrets.
"""

import base64
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cloche import __version__
from cloche.executors.docker.images.engine import Say
from cloche.executors.docker.images.errors import ImageError
from cloche.executors.docker.images.target import Target

ROOMS = ("authoring", "jobdir", "library", "model", "runner", "values")
_EXTRA = "geo"


def collect(requirements: Path, own: Path, target: Target, links: Sequence[Path], say: Say) -> None:
    """Fetch what the file lists, and all that it leads to, beside Cloche's ``own`` wheel.

    Raises ImageError with pip's words.
    """
    command = [*_pip(target, say), "download", "--dest", os.fspath(own.parent), "--only-binary=:all:", "--no-color"]
    command += [
        f"--python-version={target.version}",
        "--implementation=cp",
        f"--abi=cp{target.version.replace('.', '')}",
    ]
    command += [f"--platform={tag}" for tag in target.platforms]
    command += [f"--find-links={os.fspath(link)}" for link in links]
    command += ["--requirement", os.fspath(requirements)]
    if "--hash" not in requirements.read_text("utf-8"):
        # a distribution of that name on an index is somebody else's; where all hashes are given it cannot slip in
        command.append(f"cloche @ {own.resolve().as_uri()}")
    _run(command, say)


def copy_pip(folder: Path) -> None:
    """This host's pip, which installs the wheels inside: bases need none of their own. Raises ImageError."""
    shutil.copytree(_pip_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))


def write_own(folder: Path) -> Path:
    """A wheel of the rooms that work inside images. It needs nothing; its extra ``geo`` is Cloche's."""
    path = folder / f"cloche-{__version__}-py3-none-any.whl"
    info = f"cloche-{__version__}.dist-info"
    record: list[str] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        entries = [*_rooms(), (f"{info}/METADATA", _metadata().encode()), (f"{info}/WHEEL", _WHEEL.encode())]
        for name, data in entries:
            # the same bytes for the same sources, so that the engine's cache knows them
            archive.writestr(zipfile.ZipInfo(name), data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}")
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "\n".join((*record, f"{info}/RECORD,,")) + "\n")
    return path


_WHEEL = "Wheel-Version: 1.0\nGenerator: cloche\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _rooms() -> Iterator[tuple[str, bytes]]:
    import cloche

    root = Path(cloche.__file__).parent
    files = [*root.glob("*.py"), root / "py.typed", *(path for room in ROOMS for path in (root / room).rglob("*"))]
    for path in sorted(files):
        if path.is_file() and path.suffix != ".pyc":
            yield f"cloche/{path.relative_to(root)}", path.read_bytes()


def _metadata() -> str:
    needed = [
        line for line in importlib.metadata.requires("cloche") or () if f"extra == '{_EXTRA}'" in line.replace('"', "'")
    ]
    lines = ["Metadata-Version: 2.1", "Name: cloche", f"Version: {__version__}", "Requires-Python: >=3.11"]
    return "\n".join((*lines, f"Provides-Extra: {_EXTRA}", *(f"Requires-Dist: {line}" for line in needed))) + "\n"


def _pip(target: Target, say: Say) -> list[str]:
    """Pip under an interpreter of the image's version where this host has one: markers are read by what runs pip."""
    start = (
        f"import sys; sys.path.insert(0, {os.fspath(_pip_folder().parent)!r}); "
        "from pip._internal.cli.main import main; sys.exit(main())"
    )
    if sys.version_info[:2] == target.python:
        return [sys.executable, "-c", start]
    other = shutil.which(f"python{target.version}")
    if other is not None and _runs(other):
        return [other, "-c", start]
    say(
        f"this host has no Python {target.version}: conditions such as python_version in requirements are read by "
        f"{sys.version_info[0]}.{sys.version_info[1]}; a wheel that is missing for it ends the build"
    )
    return [sys.executable, "-c", start]


def _runs(interpreter: str) -> bool:
    """Whether it is one: version managers leave programs of such names that only say what to install."""
    done = subprocess.run([interpreter, "-c", "pass"], check=False, capture_output=True)  # noqa: S603 - a fixed command
    return done.returncode == 0


def _pip_folder() -> Path:
    found = importlib.util.find_spec("pip")
    if found is None or found.origin is None:
        raise ImageError("this environment has no pip to fetch wheels with: pip install 'cloche[docker]'")
    return Path(found.origin).parent


def _run(command: Sequence[str], say: Say) -> None:
    last: list[str] = []
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_PROGRESS_BAR": "off"}
    with subprocess.Popen(  # noqa: S603 - no shell reads it
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last = [*last[-14:], line.rstrip()]
            say(line.rstrip())
    if process.returncode:
        raise ImageError(
            "\n".join(
                (
                    "pip could not fetch wheels for all requirements:",
                    *last,
                    "For one that has no wheel: `pip wheel NAME --no-deps --wheel-dir DIR`, then --wheels DIR.",
                )
            )
        )
