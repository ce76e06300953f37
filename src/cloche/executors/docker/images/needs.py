"""What a process package needs around it, as its own files say.

Python distributions come from the script's inline metadata (PEP 723), else from a ``requirements.txt`` beside the code,
else from ``[project] dependencies`` of its ``pyproject.toml``. Everything else comes from a table of Cloche's, in the
inline metadata or in ``pyproject.toml``::

    [tool.cloche.image]
    apt = ["grass-core"]                            # Debian packages
    base = "cloche-base"                            # image to build on
    files = ["lookup/*.csv"]                        # beside the code, besides what it imports
    environment = { GISBASE = "/usr/lib/grass82" }  # what executions find
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cloche.executors.docker.images.errors import ImageError
from cloche.executors.docker.images.source import Source

TABLE = "[tool.cloche.image]"
_BLOCK = re.compile(r"(?m)^# /// script$\s(?P<content>(?:^#(?:| .*)$\s)+)^# ///$")
_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_OF_THIS_HOST = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable)\b|[./]|file:|.*@\s*(\.|/|file:)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """``requirements`` are lines of a requirements file; ``python`` is a version specifier. ``origin`` says whose."""

    requirements: tuple[str, ...] = ()
    python: str = ""
    apt: tuple[str, ...] = ()
    base: str = ""
    files: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    origin: str = "nothing: no inline metadata, no requirements.txt, no pyproject.toml"


def read(source: Source, requirements: Path | None = None) -> Needs:
    """What the package needs; ``requirements`` is a file that stands for its own. Raises ImageError."""
    found = _declared(source)
    if requirements is not None:
        lines = _lines(requirements)
        found = replace(found, requirements=lines, origin=str(requirements))
    for line in found.requirements:
        _check_requirement(line, found.origin)
    return found


def _declared(source: Source) -> Needs:
    if source.code.is_file() and (block := _inline(source.code)) is not None:
        return _needs(block, block, f"the inline metadata of {source.code.name}")
    needs = Needs()
    folders = _folders(source)
    project = next((path for folder in folders if (path := folder / "pyproject.toml").is_file()), None)
    if project is not None:
        document = _parsed(_read(project), str(project))
        needs = _needs(_table(document, "project", str(project)), document, str(project))
    listed = next((path for folder in folders if (path := folder / "requirements.txt").is_file()), None)
    if listed is not None:
        needs = replace(needs, requirements=_lines(listed), origin=str(listed))
    return needs


def _folders(source: Source) -> list[Path]:
    """Beside the code, and the root of a project that keeps it in ``src``."""
    if source.code.is_file():
        return [source.folder]
    folders = [source.code, source.folder]
    return [*folders, source.folder.parent] if source.folder.name == "src" else folders


def _inline(file: Path) -> dict[str, Any] | None:
    blocks = list(_BLOCK.finditer(_read(file)))
    if len(blocks) > 1:
        raise ImageError(f"{file} has {len(blocks)} blocks of inline metadata: one is allowed (PEP 723)")
    if not blocks:
        return None
    text = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in blocks[0]["content"].splitlines(keepends=True)
    )
    return _parsed(text, f"the inline metadata of {file.name}")


def _needs(project: Mapping[str, Any], document: Mapping[str, Any], origin: str) -> Needs:
    tool = _table(_table(document, "tool", origin), "cloche", origin)
    unknown = sorted(set(tool) - {"image"})
    if unknown:
        raise ImageError(f"{origin}: [tool.cloche] has no {unknown[0]!r}; what images need stands in {TABLE}")
    image = _table(tool, "image", origin)
    known = {"apt", "base", "environment", "files"}
    if unknown := sorted(set(image) - known):
        raise ImageError(f"{origin}: {TABLE} has no {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return Needs(
        requirements=_texts(project, "dependencies", origin),
        python=str(project.get("requires-python", "")),
        apt=_matching(_texts(image, "apt", origin), origin),
        base=_base(_text(image, "base", origin), origin),
        files=_texts(image, "files", origin),
        environment=_environment(_table(image, "environment", origin), origin),
        origin=origin,
    )


def _parsed(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImageError(f"{origin} is not TOML: {error}") from None
    except RecursionError:
        raise ImageError(f"{origin} is not read: it is nested too deep") from None


def _table(document: Mapping[str, Any], name: str, origin: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, Mapping):
        raise ImageError(f"{origin}: {name} has to be a table")
    return found


def _texts(table: Mapping[str, Any], name: str, origin: str) -> tuple[str, ...]:
    found = table.get(name, [])
    if not isinstance(found, Sequence) or isinstance(found, str) or not all(isinstance(item, str) for item in found):
        raise ImageError(f"{origin}: {name} has to be a list of texts")
    return tuple(found)


def _text(table: Mapping[str, Any], name: str, origin: str) -> str:
    found = table.get(name, "")
    if not isinstance(found, str):
        raise ImageError(f"{origin}: {name} has to be a text")
    return found


def _base(name: str, origin: str) -> str:
    if name and not is_image(name):
        raise ImageError(f"{origin}: {name!r} is no name of an image")
    return name


def is_image(name: str) -> bool:
    """Whether it may stand in a Dockerfile as an image's name; whether there is such an image the engine knows."""
    return _IMAGE.fullmatch(name) is not None


def _matching(names: tuple[str, ...], origin: str) -> tuple[str, ...]:
    for name in names:
        if not _DEBIAN.fullmatch(name):
            raise ImageError(f"{origin}: {name!r} is no name of a Debian package")
    return names


def _environment(table: Mapping[str, Any], origin: str) -> dict[str, str]:
    for name, value in table.items():
        if not _VARIABLE.fullmatch(name) or not isinstance(value, str) or not value.isprintable():
            raise ImageError(f"{origin}: environment: {name} has to be a variable's name, its value a line of text")
    return dict(table)


def _lines(file: Path) -> tuple[str, ...]:
    return tuple(_read(file).splitlines())


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"cannot read {file}: {error}") from None


def _check_requirement(line: str, origin: str) -> None:
    """A line of one requirement, and none that would work on this host alone: the image gets wheels, not its files."""
    if len(line.splitlines()) > 1:
        raise ImageError(f"{origin}: {line!r} has to be one line, of one requirement")
    text = line.split(" #", 1)[0].strip()
    if _OF_THIS_HOST.match(text):
        raise ImageError(
            f"{origin}: {text!r} names a file of this host: list the requirement itself, "
            "and give the folder of a wheel of your own with --wheels"
        )
