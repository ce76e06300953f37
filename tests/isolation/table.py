"""The tables of docs/isolation.md, from what the attacks say they try and what is expected of them.

``python tests/isolation/table.py`` writes them into the page, and what ``cloche doctor`` says of them into the code.
"""

import ast
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/isolation.md"
CODE = HERE.parents[1] / "src/cloche/app/attacks.py"
COLUMNS = {
    "process_user": "none, user",
    "process_root": "none, root",
    "landlock_user": "LL, user",
    "landlock_root": "LL, root",
    "full_user": "FULL, user",
    "full_root": "FULL, root",
    "docker": "runc",
    "docker_crun": "crun",
}
WALLED = tuple(column for column in COLUMNS if not column.startswith("process"))
SHUT, OPEN = "✓", "✗"


def groups(*modules: str) -> dict[str, dict[str, str]]:
    """Attacks and what each tries, by what they are on; read, not imported: they are not for this process."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(path for path in (HERE / "attacks").glob("[!_]*.py") if not modules or path.stem in modules):
        module = ast.parse(path.read_text())
        if group := {node.name: _words(node) for node in module.body if _is_process(node)}:
            found[_words(module)] = group
    return found


def attacks(*modules: str) -> dict[str, str]:
    """Every attack and what it tries, or those of ``modules``."""
    return {name: words for group in groups(*modules).values() for name, words in group.items()}


def _is_process(node: ast.stmt) -> bool:
    marks = getattr(node, "decorator_list", [])
    return any(isinstance(mark, ast.Name) and mark.id == "process" for mark in marks) and node.name not in BYSTANDERS


def _words(node: ast.AST) -> str:
    """What the first line of the documentation says before it explains."""
    line = re.split(r"[;:.]( |$)", (ast.get_docstring(node) or "").splitlines()[0])[0].replace("``", "`")
    return line[0].lower() + line[1:]


BYSTANDERS = frozenset({"need_processes", "innocent", "several"})
"""Processes of the package that are no attacks."""


def expected() -> Mapping[str, Mapping[str, list[str]]]:
    """``open``: columns by attack; ``reasons``: why, where walls should stand."""
    return tomllib.loads((HERE / "expected.toml").read_text())


def layers() -> list[dict[str, Any]]:
    """Walls of level FULL, what opens without them, and why they stand."""
    return tomllib.loads((HERE / "layers.toml").read_text())["layer"]


def without(*names: str) -> set[str]:
    """What opens where these walls are missing: what each carries, and what the second holds behind the first."""
    known = {str(layer["name"]): layer for layer in layers()}
    opened = {attack for name in names for attack in known[name]["opens"]}
    return opened.union(known[names[0]]["opens_both"] if len(names) > 1 else ())


def verdicts(column: str) -> dict[str, str]:
    """What each attack comes to."""
    opened = expected()["open"]
    return {name: "open" if column in opened.get(name, ()) else "blocked" for name in attacks()}


def matrix() -> str:
    """A table for each group of attacks."""
    heads = ["An execution tries to", *COLUMNS.values()]
    opened = expected()["open"]
    parts = []
    for title, group in groups().items():
        rows = [heads, ["---", *[":-:"] * len(COLUMNS)]]
        rows += [
            [words, *(OPEN if column in opened.get(name, ()) else SHUT for column in COLUMNS)]
            for name, words in group.items()
        ]
        parts.append(f"### {title[0].upper()}{title[1:]}\n\n{_rows(rows)}")
    return "\n".join(parts)


def reasons() -> str:
    """What walls leave open, and why."""
    words = attacks()
    return "".join(f"- *{words[name]}*: {why}\n" for name, why in expected()["reasons"].items())


def layer_table() -> str:
    """One row a wall."""
    words = attacks()
    rows = [["FULL without", "lets an execution", "and, without the wall behind it, also", "remarks"], ["---"] * 4]
    for layer in layers():
        alone = "; ".join(words[name] for name in layer["opens"]) or "nothing"
        behind = "; ".join(words[name] for name in layer.get("opens_both", ()))
        both = f"without {layer['behind']}: {behind}" if behind else ""
        rows.append([f"**{layer['name']}**", alone, both, layer["why"]])
    return _rows(rows)


def _rows(rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


PARTS = {"attacks": matrix, "reasons": reasons, "layers": layer_table}


def written(page: str) -> str:
    """``page`` with the tables as they should be."""
    for name, made in PARTS.items():
        begin, end = f"<!-- {name}: written by tests/isolation/table.py -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = page.partition(begin)
        if not found:
            raise ValueError(f"the page has no place for {name}")
        page = f"{before}{begin}\n{made()}\n{end}{rest.partition(end)[2]}"
    return page


MODULE = """\
\"\"\"What the attacks of tests/isolation come to, for ``cloche doctor``; written by tests/isolation/table.py.\"\"\"

# fmt: off
NUMBER = {number}
\"\"\"How many are tried.\"\"\"
OPEN: dict[str, tuple[str, ...]] = {{
{columns}}}
\"\"\"Those that succeed, by level and by whose server it is: a user's has no control groups.\"\"\"
"""


def code() -> str:
    """A module of what is open."""
    words, opened = attacks(), expected()["open"]
    columns = ""
    for column in COLUMNS:
        lines = "".join(f'        "{words[name]}",\n' for name in words if column in opened.get(name, ()))
        columns += f'    "{column}": (\n{lines}    ),\n' if lines else f'    "{column}": (),\n'
    return MODULE.format(number=len(words), columns=columns)


if __name__ == "__main__":
    CODE.write_text(code())
    PAGE.write_text(written(PAGE.read_text()))
