"""The one query that has many shapes: a page of jobs."""

from typing import Any

from sqlalchemy import Select, func, select

from cloche.ports.store import Query
from cloche.store.rows import now, stamp
from cloche.store.schema import jobs
from cloche.store.statements import COLUMNS


def page(query: Query) -> Select[Any]:
    """Newest first, in the order of ``COLUMNS``. Cheap at any depth: pages begin where the last one ended."""
    wanted = select(*(jobs.c[name] for name in COLUMNS)).order_by(jobs.c.position.desc()).limit(query.limit)
    for column, values in (
        (jobs.c.state, [state.value for state in query.states]),
        (jobs.c.process, query.processes),
        (jobs.c.protocol, query.protocols),
    ):
        if values:
            wanted = wanted.where(column.in_(values))
    if query.created_after is not None:
        wanted = wanted.where(jobs.c.created > stamp(query.created_after))
    if query.created_before is not None:
        wanted = wanted.where(jobs.c.created < stamp(query.created_before))
    if query.after is not None:
        last = select(jobs.c.position).where(jobs.c.id == query.after).scalar_subquery()
        wanted = wanted.where(jobs.c.position < last)
    if query.before is not None:
        wanted = wanted.where(jobs.c.position < query.before)
    lasted = func.coalesce(jobs.c.finished, stamp(now())) - jobs.c.started
    if query.longer_than is not None:
        wanted = wanted.where(lasted >= round(query.longer_than * 1_000_000))
    if query.shorter_than is not None:
        wanted = wanted.where(lasted <= round(query.shorter_than * 1_000_000))
    return wanted
