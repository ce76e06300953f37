"""An image of a process package: its context, its Dockerfile, and the build."""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloche import __version__
from cloche.executors.docker.images import dockerfile, inside, needs, source, target, wheels
from cloche.executors.docker.images.engine import Engine, Image, Say
from cloche.executors.docker.images.errors import ImageError
from cloche.executors.docker.images.needs import Needs
from cloche.executors.docker.images.source import Source
from cloche.executors.docker.images.target import Target

BASE = "cloche-base"
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A package, what it needs, and what it is built upon."""

    source: Source
    needs: Needs
    base: str
    target: Target


def plan(engine: Engine, package: str, *, directory: Path, base: str = "", requirements: Path | None = None) -> Plan:
    """What would be built. Pulls a base that the engine lacks, but never Cloche's own. Raises ImageError."""
    found = source.locate(package, directory)
    wanted = needs.read(found, requirements)
    below = base or wanted.base or BASE
    if not needs.is_image(below):
        raise ImageError(f"{below!r} is no name of an image")
    _provide(engine, below)
    facts = target.probe(engine, below)
    if wanted.apt and not facts.apt:
        raise ImageError(f"{found.name} needs Debian packages, and {below} has no apt-get: take another with --base")
    _check_python(wanted, facts, below)
    return Plan(source=found, needs=wanted, base=below, target=facts)


def write(plan: Plan, folder: Path, links: Sequence[Path], say: Say) -> None:
    """Write Dockerfile and context into ``folder``, which has to be empty. Raises ImageError."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ImageError(f"{folder} is not empty: name a new directory")
    _copy(plan, folder / "packages")
    wheels.copy_pip(folder / "pip")
    (folder / "wheels").mkdir()
    own = wheels.write_own(folder / "wheels")
    shutil.copyfile(str(inside.__file__), folder / "inside.py")
    listed = [line for line in plan.needs.requirements if line.strip() and not line.strip().startswith("#")]
    if listed:
        requirements = folder / "requirements.txt"
        requirements.write_text("".join(f"{line}\n" for line in plan.needs.requirements))
        wheels.collect(requirements, own, plan.target, links, say)
    recipe = dockerfile.Recipe(
        base=plan.base,
        spec=plan.source.spec,
        version=__version__,
        title=plan.source.name,
        requirements=bool(listed),
        apt=plan.needs.apt,
        environment=plan.needs.environment,
    )
    (folder / "Dockerfile").write_text(dockerfile.text(recipe))


def build(engine: Engine, plan: Plan, tag: str, *, links: Sequence[Path] = (), network: str, say: Say) -> Image:
    """Write the context to a place of its own, and build it. ``network`` is for apt alone. Raises ImageError."""
    with tempfile.TemporaryDirectory(prefix="cloche-image-") as name:
        folder = Path(name, "context")
        write(plan, folder, links, say)
        fetches = bool(plan.needs.apt)
        return engine.build(
            folder,
            tag,
            network=network if fetches else "none",
            arguments=_proxies(os.environ) if fetches else {},
            say=say,
        )


def default_tag(plan: Plan) -> str:
    """A name for the image of a package: letters, digits and hyphens."""
    name = "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in plan.source.name.lower()).strip("-")
    return f"cloche-{name or 'package'}"


def _provide(engine: Engine, base: str) -> None:
    if engine.find(base) is not None:
        return
    if base == BASE:
        raise ImageError(
            f"{engine.address} has no image {BASE}: make it with `cloche image base`, or name one with --base"
        )
    engine.pull(base)


def _check_python(needs: Needs, target: Target, base: str) -> None:
    if not needs.python:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = SpecifierSet(needs.python).contains(f"{target.version}.99")
    except InvalidSpecifier:
        raise ImageError(f"{needs.origin}: requires-python {needs.python!r} is no version specifier") from None
    if not fits:
        raise ImageError(
            f"{needs.origin} requires Python {needs.python}, and {base} has {target.version}: take another with --base"
        )


def _copy(plan: Plan, folder: Path) -> None:
    beside = plan.source.code.parent if plan.source.code.is_file() else plan.source.code
    added = source.matching(beside, plan.needs.files)
    for file in sorted({*plan.source.files, *added}):
        place = folder / file.relative_to(plan.source.folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
        place.chmod(0o644)


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """What Docker takes as build arguments without keeping them."""
    return {name: environment[name] for name in _PROXIES if environment.get(name)}
