"""Runs while an image is built, with the base's own Python: makes the environment of wheels, or adds the code.

    python3 inside.py environment    HOME with every wheel beside this file and what requirements.txt lists
    python3 inside.py packages       the code in HOME/packages: importable and compiled, for the root is read-only later

Both are whole or end with 1. Standard library only; pip lies beside this file.
"""

import compileall
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

HOME = Path("/opt/cloche")
_HERE = Path(__file__).resolve().parent
_PIP = (
    "-m",
    "pip",
    "install",
    "--no-index",
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--root-user-action=ignore",
)


def environment() -> None:
    """What the base has installed itself stays visible: Debian's packages may bring Python modules."""
    import venv

    venv.EnvBuilder(with_pip=False, system_site_packages=True, symlinks=True).create(HOME)
    os.chdir(_HERE)  # where pip is
    python = str(HOME / "bin" / "python3")
    subprocess.run([python, *_PIP, "--no-deps", *map(str, _HERE.glob("wheels/cloche-*.whl"))], check=True)  # noqa: S603 - ours
    if (_HERE / "requirements.txt").exists():
        subprocess.run([python, *_PIP, "--find-links=wheels", "--requirement=requirements.txt"], check=True)  # noqa: S603 - ours


def packages() -> None:
    """Called with HOME's Python."""
    place = HOME / "packages"
    Path(sysconfig.get_path("purelib"), "cloche_packages.pth").write_text(f"{place}\n")
    compileall.compile_dir(place, quiet=1)


if __name__ == "__main__":
    try:
        {"environment": environment, "packages": packages}[sys.argv[1]]()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
