"""``python -m bench.jobs``: the status of a job and the list of jobs, with ever more jobs in the store."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from cloche.model.execute import Execute, Mode
from cloche.model.job import Job
from cloche.model.limits import Limits
from cloche.model.state import State
from cloche.ports.store import Admission, Move, Query
from cloche.store import SqlStore

SIZES = (100, 10_000, 100_000, 1_000_000)


def job(number: int) -> Job:
    """An accepted job of its own second."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return Job(
        id=f"{number:032x}", process="add", process_version="1.0.0", package="p", executor="sandbox",
        request=Execute(process="add", mode=Mode.ASYNC), limits=Limits(), created=now, updated=now,
    )  # fmt: skip


def grow(path: Path, begin: int, end: int) -> None:
    """Fill the store up to ``end`` ended jobs, by copying one real row in SQL."""
    import sqlite3

    store = SqlStore(path)
    if begin == 0:
        store.add(job(0), admission=Admission(parallel=1, waiting=1), mode=Mode.ASYNC)
        store.move(store.get(job(0).id), State.DISMISSED)
        begin = 1
    store.close()
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(jobs)") if row[1] != "position"]
        made = {"id": "printf('%032x', value)", "created": "created + value * 1000000", "idempotency": "NULL"}
        values = ", ".join(made.get(column, column) for column in columns)
        connection.execute(
            f"INSERT INTO jobs ({', '.join(columns)}) WITH RECURSIVE numbers(value) AS "
            f"(SELECT {begin} UNION ALL SELECT value + 1 FROM numbers WHERE value < {end - 1}) "
            f"SELECT {values} FROM numbers, jobs WHERE id = '{0:032x}'"
        )


def microseconds(work: Callable[[], object], times: int = 400) -> float:
    """Median of single calls."""
    samples = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        samples.append(time.perf_counter() - began)
    return statistics.median(samples) * 1e6


PAGE = Query(limit=10)
KINDS = {
    "page of 10": PAGE,
    "as OGC API asks": replace(PAGE, states=[state for state in State if state is not State.ACCEPTED]),
    "of a state": replace(PAGE, states=[State.FAILED]),
    "of a process": replace(PAGE, processes=["nothing"]),
    "of a day": replace(PAGE, created_before=datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
    "of long ones": replace(PAGE, longer_than=500),
}
"""Pages; all but the first two and the fifth are of jobs that there are not."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="stop at this many jobs")
    sizes = [size for size in SIZES if size <= parser.parse_args().most]
    table = Table("stored jobs", "status", *KINDS, "a job's way", "times the first", title="microseconds, medians")
    first = None
    with tempfile.TemporaryDirectory(prefix="cloche-bench-") as home:
        path = Path(home) / "jobs.sqlite"
        for before, size in zip((0, *sizes), sizes, strict=False):
            grow(path, before, size)
            figures = measure(path, size)
            first = first or figures
            worst = max(now / then for now, then in zip(figures, first, strict=True))
            table.add_row(f"{size:,}", *(f"{figure:,.0f}" for figure in figures), f"{worst:.2f}")
    Console(width=140).print(table)


def measure(path: Path, size: int) -> tuple[float, ...]:
    """Status in the middle, every kind of page, and everything that is written of a job from its coming to its end."""
    store = SqlStore(path)
    middle = job(size // 2).id
    try:
        pages = [microseconds(lambda: store.list(page)) for page in KINDS.values()]  # noqa: B023 - called at once
        return (microseconds(lambda: store.get(middle)), *pages, microseconds(lambda: way(store)))
    finally:
        store.close()


def way(store: SqlStore) -> None:
    """A job added, claimed, moved to its end, and forgotten."""
    now = datetime.now(UTC)
    coming = replace(job(0), id=uuid4().hex, created=now, updated=now)
    store.add(coming, admission=Admission(parallel=4, waiting=4), mode=Mode.ASYNC)
    (claimed,) = store.claim("bench", parallel=4, per_process={}, limit=1)
    running = store.move(claimed, State.RUNNING, Move(started=now))
    store.move(store.move(running, State.FINISHING), State.SUCCEEDED, Move(expires=now + timedelta(days=7)))
    store.delete(coming.id)


if __name__ == "__main__":
    main()
