"""Writes the generated parts of the documentation: ``make docs``. A test compares them with the code.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``.
"""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import click
import msgspec
from starlette.routing import Route

from cloche.app import wiring
from cloche.app.cli.main import main
from cloche.app.settings import Duration, Settings, Size

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "cloche"
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def documents() -> list[Path]:
    """Every document that has generated parts."""
    everywhere = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in everywhere if BLOCK.search(path.read_text("utf-8")))


def renewed(document: Path) -> str:
    """The text of a document with its generated parts as they have to be."""
    return BLOCK.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}{found[3]}", document.read_text("utf-8"))


def rooms() -> str:
    """The table of rooms from the layers of the import contracts, top to bottom."""
    contracts = _contracts()
    layers = [_siblings(layer) for layer in contracts["rooms"]["layers"]]
    lines = ["| room | what lives there | may import |", "|---|---|---|"]
    for position, siblings in enumerate(layers):
        below = [room for layer in layers[position + 1 :] for room in layer]
        for room in siblings:
            allowed = [name for name in below if name not in _forbidden(room, contracts) and _exists(name)]
            if _exists(room):
                lines.append(f"| `{room}` | {_purpose(SOURCE / room)} | {', '.join(allowed) or '-'} |")
    return "\n".join(lines) + "\n"


def settings() -> str:
    """One table a section, from the documentation of the fields."""
    return "\n".join(_sections(Settings, ""))


def commands() -> str:
    """The help of every command."""
    return "\n".join(_help(main, "cloche"))


def ports() -> str:
    """Every Protocol of ``ports`` with the first line of its contract."""
    protocols = (
        (path.name, node)
        for path in sorted((SOURCE / "ports").glob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "Protocol" for base in node.bases)
    )
    lines = ["| port | in | contract |", "|---|---|---|"]
    lines += [
        f"| `{node.name}` | `ports/{file}` | {(ast.get_docstring(node) or '').splitlines()[0]} |"
        for file, node in protocols
    ]
    return "\n".join(lines) + "\n"


def routes() -> list[str]:
    """The paths that the server answers, and nothing else."""
    service: Any = None  # routes are made without asking it
    return [route.path for route in wiring.routes(service, Settings(), "http://localhost") if isinstance(route, Route)]


PARTS: dict[str, Callable[[], str]] = {"rooms": rooms, "settings": settings, "commands": commands, "ports": ports}


def _contracts() -> dict[str, dict[str, Any]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {contract["id"]: contract for contract in project["tool"]["importlinter"]["contracts"]}


def _siblings(layer: str) -> list[str]:
    return [name.strip(" ()") for name in layer.split("|")]


def _forbidden(room: str, contracts: dict[str, dict[str, Any]]) -> set[str]:
    return {
        name.removeprefix("cloche.")
        for contract in contracts.values()
        if contract["type"] == "forbidden" and f"cloche.{room}" in contract["source_modules"]
        for name in contract["forbidden_modules"]
    }


def _exists(room: str) -> bool:
    return (SOURCE / room).is_dir()


def _purpose(room: Path) -> str:
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).rstrip(".")


def _sections(kind: type[msgspec.Struct], name: str) -> Iterator[str]:
    values, tables = [], []
    for field in msgspec.structs.fields(kind):
        bare = get_args(field.type)[0] if get_origin(field.type) is not dict and get_args(field.type) else field.type
        bare = bare if isinstance(bare, type) or get_origin(field.type) is not dict else field.type
        if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
            tables.append((bare, f"{name}.{field.name}".lstrip(".")))
        elif get_origin(field.type) is dict:
            tables.append((get_args(field.type)[1], f"{field.name}.ID"))
        else:
            values.append(field)
    if values:
        yield f"### `[{name}]`\n\n{kind.__doc__}\n\n| setting | default | meaning |\n|---|---|---|"
        yield from (f"| `{field.name}` | {_default(field)} | {_meaning(kind, field.name)} |" for field in values)
        yield ""
    for inner, path in tables:
        yield from _sections(inner, path)


def _meaning(kind: type[msgspec.Struct], name: str) -> str:
    field = next(f for f in msgspec.inspect.type_info(kind).fields if f.name == name)  # type: ignore[attr-defined]
    return str(field.type.extra_json_schema["description"])


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return "computed"
    value = field.default
    if isinstance(value, Size | Duration):
        return f"`{_amount(value)}`"
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str | Path) else f"`{value}`"


def _amount(value: Size | Duration) -> str:
    units = (
        [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        if isinstance(value, Size)
        else [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    )
    return next((f'"{value / size:g}{unit}"' for unit, size in units if value and value % size == 0), f"{value:g}")


def _help(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[str]:
    context = click.Context(command, info_name=path.rsplit(maxsplit=1)[-1], parent=parent, terminal_width=100)
    yield f"### `{path}`\n\n```text\n{command.get_help(context)}\n```\n"
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _help(inner, f"{path} {name}", context)


if __name__ == "__main__":
    for changed in documents():
        changed.write_text(renewed(changed), "utf-8")
