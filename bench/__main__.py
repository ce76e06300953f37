"""``python -m bench``: starts PyWPS and Cloche one after the other and prints what each did, and the ratio."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import cases
from bench.servers import Server, cloche, pywps

Figures = dict[str, float]
# a rate is better when it is higher, everything else when it is lower
RATE = "requests/s"


def measure(server: Server, console: Console, seconds: int) -> Figures:
    """Every case on one server."""
    figures: Figures = {}
    for title, query in (("GetCapabilities", cases.CAPABILITIES), ("DescribeProcess", cases.DESCRIBE)):
        figures[f"{title}, 4 clients, {RATE}"] = cases.requests(server, query, clients=4, seconds=seconds).rate
    for clients in (1, 4):
        load = cases.requests(server, cases.EXECUTE, clients=clients, seconds=seconds)
        figures[f"Execute sync, {clients} clients, {RATE}"] = load.rate
        figures[f"Execute sync, {clients} clients, p50 ms"] = load.p50
        figures[f"Execute sync, {clients} clients, p99 ms"] = load.p99
    figures["Execute async, submit to result, p50 ms"] = cases.submit_to_result(server)
    for megabytes in (10, 100):
        elapsed, memory = cases.inline(server, megabytes)
        figures[f"{megabytes} MB inline, s"] = elapsed
        figures[f"{megabytes} MB inline, memory MB"] = memory
    console.print(f"{server.name}: done")
    return figures


def ratio(name: str, ours: float, theirs: float) -> float:
    """How many times better than the peer."""
    worse, better = (theirs, ours) if RATE in name else (ours, theirs)
    return better / max(worse, 1e-9)


def compare(console: Console, columns: dict[str, Figures]) -> None:
    """One row a case, one column a server, and how many times better each is than the first."""
    (peer, theirs), *others = columns.items()
    table = Table("case", peer, *(title for name, _ in others for title in (name, "times better")))
    for case, value in theirs.items():
        cells = [f"{value:,.2f}"]
        for _, ours in others:
            cells += [f"{ours[case]:,.2f}", f"{ratio(case, ours[case], value):,.1f}"]
        table.add_row(case, *cells)
    console.print(table)


def main() -> None:
    """Run, print, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modes", nargs="*", default=["sandbox", "multiprocessing"], help="modes of Cloche to measure")
    parser.add_argument("--seconds", type=int, default=4, help="length of each load")
    arguments = parser.parse_args()
    console = Console(width=170)
    starts: list[Callable] = [pywps, *(lambda home, mode=mode: cloche(home, mode) for mode in arguments.modes)]
    columns: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="cloche-bench-") as home:
        Path(home).chmod(0o755)
        for start in starts:
            with start(Path(home)) as server:
                columns[server.name] = measure(server, console, arguments.seconds)
    compare(console, columns)


if __name__ == "__main__":
    main()
