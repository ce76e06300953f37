"""The text of a Dockerfile, from what a package needs: a pure function."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloche.executors.docker.images.source import PLACE

HOME = "/opt/cloche"
PACKAGE_LABEL = "cloche.package"
VERSION_LABEL = "cloche.version"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """``title`` is the package's name, ``spec`` how a server names it. ``requirements``: whether there are any."""

    base: str
    spec: str
    version: str
    title: str
    requirements: bool
    apt: tuple[str, ...] = ()
    environment: Mapping[str, str]


def text(recipe: Recipe) -> str:
    """Three stages: the system, Python's environment made on it, and the system with that environment alone."""
    return (
        "\n\n".join("\n".join(part) for part in (_head(recipe), _system(recipe), _environment(recipe), _image(recipe)))
        + "\n"
    )


def _head(recipe: Recipe) -> Iterable[str]:
    yield f"# Written by `cloche image build`, Cloche {recipe.version}, for {recipe.title}."
    yield "# The directory of this file is its context and holds all Python code; only apt-get needs a network."


def _system(recipe: Recipe) -> Iterable[str]:
    yield f"FROM {recipe.base} AS system"
    yield "USER 0:0"
    if recipe.apt:
        yield "RUN apt-get update \\"
        yield " && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \\"
        yield f"    {' '.join(sorted(set(recipe.apt)))} \\"
        yield " && rm -rf /var/lib/apt/lists/*"


def _environment(recipe: Recipe) -> Iterable[str]:
    # lists of words: a base need not have a shell
    yield "FROM system AS environment"
    yield f"COPY inside.py {'requirements.txt ' if recipe.requirements else ''}/build/"
    yield "COPY pip /build/pip"
    yield "COPY wheels /build/wheels"
    yield _run("python3", "/build/inside.py", "environment")
    yield f"COPY packages {PLACE}"
    yield _run(f"{HOME}/bin/python3", "/build/inside.py", "packages")


def _image(recipe: Recipe) -> Iterable[str]:
    labels = {
        VERSION_LABEL: recipe.version,
        PACKAGE_LABEL: recipe.spec,
        "org.opencontainers.image.title": recipe.title,
    }
    yield "FROM system"
    yield f"COPY --from=environment {HOME} {HOME}"
    path = f"{HOME}/bin:${{PATH:-{_SYSTEM_PATH}}}"
    own = {name: _quoted(value) for name, value in sorted(recipe.environment.items())}
    yield _assigned("ENV", {"PATH": path} | own)
    yield _assigned("LABEL", {name: _quoted(value) for name, value in labels.items()})
    yield "USER 65534:65534"
    yield f"CMD {json.dumps(['python3', '-m', 'cloche.runner', 'describe', recipe.spec])}"


def _assigned(instruction: str, values: Mapping[str, str]) -> str:
    return f"{instruction} " + " \\\n    ".join(f"{name}={value}" for name, value in values.items())


def _run(*words: str) -> str:
    return f"RUN {json.dumps(words)}"


def _quoted(value: str) -> str:
    for sign in ("\\", '"', "$"):
        value = value.replace(sign, f"\\{sign}")
    return f'"{value}"'
