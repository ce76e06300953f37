"""The tally, for people and for programs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.soak.verdict import Tally

_MOST_PROBLEMS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """``counts`` are the clients'; ``starts_s`` how long each server took until it answered."""

    mode: str
    seed: int
    wall_s: float
    starts_s: list[float]
    counts: Mapping[str, int]


def show(console: Console, figures: Figures, seen: Tally, problems: list[str]) -> None:
    """Print it."""
    jobs = seen.ends.total()
    table = Table("kind", "end", "jobs", title=f"{jobs} jobs in mode {figures.mode}")
    for (kind, end), number in sorted(seen.ends.items()):
        table.add_row(kind, end, str(number))
    console.print(table)
    ends: Counter[str] = Counter()
    for (_, end), number in seen.ends.items():
        ends[end] += number
    console.print("ended:", ", ".join(f"{end} {number}" for end, number in sorted(ends.items())))
    console.print("clients:", ", ".join(f"{what} {number}" for what, number in sorted(figures.counts.items())))
    console.print(
        f"{figures.wall_s:.1f} s, {jobs / figures.wall_s:.1f} jobs/s, {len(figures.starts_s) - 1} kills, "
        f"slowest start {max(figures.starts_s):.1f} s, seed {figures.seed}"
    )
    console.print("longest stay:", ", ".join(f"{state} {seconds:.1f} s" for state, seconds in seen.longest.items()))
    for problem in problems[:_MOST_PROBLEMS]:
        console.print(problem, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(problems)} problems")


def plain(figures: Figures, seen: Tally, problems: list[str]) -> dict[str, object]:
    """The same as JSON takes it."""
    ends = [{"kind": kind, "end": end, "jobs": number} for (kind, end), number in sorted(seen.ends.items())]
    return {
        "mode": figures.mode,
        "seed": figures.seed,
        "wall_s": figures.wall_s,
        "kills": len(figures.starts_s) - 1,
        "counts": dict(figures.counts),
        "longest_s": {str(state): seconds for state, seconds in seen.longest.items()},
        "ends": ends,
        "problems": problems,
    }
