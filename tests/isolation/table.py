"""The table of what each level blocks; ``python tests/isolation/table.py`` writes it into the docs."""

import tomllib
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/isolation.md"
BEGIN = "<!-- attacks: written by tests/isolation/table.py from expected.toml -->\n"
END = "<!-- end of attacks -->\n"
COLUMNS = {
    "multiprocessing_user": "`multiprocessing`, a user's server",
    "multiprocessing_root": "`multiprocessing`, root's server",
    "landlock": "`sandbox`, level LL",
    "full": "`sandbox`, level FULL",
}
SIGNS = {"blocked": "✓", "open": "✗"}


def expected() -> dict[str, dict[str, str]]:
    """Verdicts by attack and column."""
    return tomllib.loads((HERE / "expected.toml").read_text())


def table() -> str:
    """Rows in the order of ``expected.toml``."""
    head = ["An execution tries to", *COLUMNS.values()]
    lines = [head, ["---", *[":-:"] * len(COLUMNS)]]
    lines += [[row["title"], *(SIGNS[row[column]] for column in COLUMNS)] for row in expected().values()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(page: str) -> str:
    """``page`` with the table as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
