"""What a docstring says of a process: title, abstract, its parameters and what it returns.

Sections may be written as Google, numpy or Sphinx do; without any, all is title and abstract.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

_HEADER = re.compile(
    r"(Args|Arguments|Parameters|Other Parameters|Returns?|Yields|Raises|Notes?|Examples?|See Also|References"
    r"|Attributes|Warnings?)(:?)\s*"
)
_PARAMETERS = ("Args", "Arguments", "Parameters", "Other Parameters")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?")
_SPHINX = re.compile(r":(?:(?:param|parameter|arg|argument)\s(?:[^:]*\s)?(\w+)|returns?)\s*:\s*(.*)")
_BULLET = re.compile(r"\s|[-*+•|>]|\d+[.)]\s")


class _Style(Enum):
    PROSE = "before any section"
    GOOGLE = "Args:"
    NUMPY = "Parameters over a rule"
    SPHINX = ":param name:"


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    style: _Style
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Docstring:
    """The parts of a docstring. ``title`` is its first paragraph without a closing full stop."""

    title: str = ""
    abstract: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""


def read(text: str | None) -> Docstring:
    """Takes a docstring apart; never fails."""
    prose, *sections = _sections(inspect.cleandoc(text or "").splitlines())
    paragraphs = _paragraphs(prose.lines)
    parameters: dict[str, str] = {}
    returns = ""
    for section in sections:
        if section.style is _Style.SPHINX:
            found = _entries(section.lines, _SPHINX)
            returns = found.pop("", returns)
            parameters |= found
        elif section.name in _PARAMETERS:
            parameters |= _entries(section.lines, _GOOGLE if section.style is _Style.GOOGLE else _NUMPY)
        elif section.name.startswith("Return"):
            returns = " ".join(_paragraphs(_dedent(section.lines)))
    return Docstring(
        title=_without_stop(paragraphs[0].replace("\n", " ")) if paragraphs else "",
        abstract="\n\n".join(paragraphs[1:]),
        parameters=parameters,
        returns=returns,
    )


def split(text: str) -> tuple[str, str]:
    """What is said of a parameter as title (its first sentence, without the full stop) and abstract."""
    first, _, rest = text.partition(". ")
    return _without_stop(first), rest.strip()


def _sections(lines: list[str]) -> list[_Section]:
    sections = [_Section("", _Style.PROSE)]
    ruler = -1
    for number, line in enumerate(lines):
        header = _HEADER.fullmatch(line)
        ruled = number + 1 < len(lines) and re.fullmatch(r"\s*-{3,}\s*", lines[number + 1])
        if header and ruled:
            sections.append(_Section(header[1], _Style.NUMPY))
            ruler = number + 1
        elif header and header[2]:
            sections.append(_Section(header[1], _Style.GOOGLE))
        elif _SPHINX.fullmatch(line) and sections[-1].style is not _Style.SPHINX:
            sections.append(_Section("", _Style.SPHINX, [line]))
        elif number != ruler:
            sections[-1].lines.append(line)
    return sections


def _entries(lines: list[str], head: re.Pattern[str]) -> dict[str, str]:
    """Names to texts. A line that ``head`` matches begins an entry, indented ones continue it."""
    entries: dict[str, list[str]] = {}
    current: list[str] = []
    for line in _dedent(lines):
        found = head.fullmatch(line.strip()) if line and not line[0].isspace() else None
        if found is None and head is _SPHINX and line.startswith(":"):
            current = []  # another field: :type, :raises
            continue
        if found is None:
            current.append(line.strip())
            continue
        # numpy's heads hold the type only, the text stands below
        current = [found[2]] if head.groups > 1 else []
        for name in (found[1] or "").split(","):
            entries[name.strip()] = current
    return {name: " ".join(filter(None, parts)) for name, parts in entries.items()}


def _dedent(lines: Iterable[str]) -> list[str]:
    # the empty first line keeps cleandoc from treating the next one as flush
    return inspect.cleandoc("\n".join(["", *lines])).splitlines()


def _paragraphs(lines: list[str]) -> list[str]:
    """Paragraphs with their lines joined; lists and indented blocks keep their lines."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines).strip())
    return [_join(block.splitlines()) for block in blocks if block.strip()]


def _join(lines: list[str]) -> str:
    kept = any(_BULLET.match(line) for line in lines)
    return "\n".join(line.rstrip() for line in lines) if kept else " ".join(line.strip() for line in lines)


def _without_stop(text: str) -> str:
    text = text.strip()
    return text[:-1] if text.endswith(".") and not text.endswith("..") else text
