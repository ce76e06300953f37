"""The image that is built upon: which wheels fit it, and what it can do."""

import json
from dataclasses import dataclass

from cloche.executors.docker.images.base import LEAST_PYTHON
from cloche.executors.docker.images.engine import Engine
from cloche.executors.docker.images.errors import ImageError

_PROBE = """
import importlib.util, json, platform, shutil, sys
print(json.dumps({
    "python": sys.version_info[:2], "machine": platform.machine(), "libc": platform.libc_ver(),
    "apt": shutil.which("apt-get") is not None, "venv": importlib.util.find_spec("venv") is not None}))
"""
_PROBE_S = 60.0
_OLDEST_GLIBC = 17
_MUSL_MINORS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Python's version, the processor's name, the C library's name ("" for musl) and version; whether it has apt."""

    python: tuple[int, int]
    machine: str
    libc: tuple[str, str]
    apt: bool
    venv: bool

    @property
    def version(self) -> str:
        return ".".join(map(str, self.python))

    @property
    def platforms(self) -> tuple[str, ...]:
        """Tags of the wheels that fit, the best first (PEP 600, PEP 656)."""
        name, version = self.libc
        if name != "glibc":
            return tuple(f"musllinux_1_{minor}_{self.machine}" for minor in range(_MUSL_MINORS, -1, -1))
        newest = int(version.split(".")[1])
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
        return (*tags, f"manylinux2014_{self.machine}", f"linux_{self.machine}")


def probe(engine: Engine, image: str) -> Target:
    """Ask the image's own Python. Raises ImageError where it has none, or none that will do."""
    ran = engine.run(image, ["python3", "-c", _PROBE], timeout_s=_PROBE_S, network_mode="none", entrypoint=[])
    try:
        found = json.loads(ran.output)
    except ValueError:
        raise ImageError(f"{image} has no python3 that runs: {ran.output.strip()[-500:] or ran.code}") from None
    target = Target(
        python=tuple(found["python"]),
        machine=found["machine"],
        libc=tuple(found["libc"]),
        apt=found["apt"],
        venv=found["venv"],
    )
    if target.python < LEAST_PYTHON:
        raise ImageError(f"{image} has Python {target.version}; 3.11 is the least: take a later base with --base")
    if not target.venv:
        raise ImageError(f"the Python of {image} lacks its module venv: take a base with a whole Python, with --base")
    return target
