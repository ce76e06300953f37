"""Packages of npm for tests, installed into a cache directory of the user; a test that cannot have them is skipped."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import needs

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloche-tests"


def modules(name: str, *packages: str) -> Path:
    """The ``node_modules`` with these packages (each with its exact version), under that name in the cache."""
    for tool in ("node", "npm"):
        needs.need("node", when=shutil.which(tool) is not None, reason=f"there is no {tool}")
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    wanted = "\n".join(sorted(packages))
    with (folder / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        done = folder / "installed"
        if not done.is_file() or done.read_text("utf-8") != wanted:
            _install(folder, packages)
            done.write_text(wanted, "utf-8")
    return folder / "node_modules"


def _install(folder: Path, packages: tuple[str, ...]) -> None:
    # no package may run anything here
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    try:
        done = subprocess.run(
            ["npm", "install", *options, *packages], capture_output=True, text=True, timeout=100, check=False
        )
    except subprocess.TimeoutExpired:
        needs.missing("node", "npm takes too long to install packages")
    needs.need("node", when=done.returncode == 0, reason=f"npm cannot install {packages}: {done.stderr[-500:]}")
