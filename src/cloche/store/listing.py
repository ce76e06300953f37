"""The one query that has many shapes: a page of jobs."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_, union_all

from cloche.model.state import ENDED, State
from cloche.ports.store import Query
from cloche.store.rows import now, stamp
from cloche.store.schema import jobs
from cloche.store.statements import COLUMNS

FEW = 2000
"""So many jobs are sorted sooner than others are walked through."""
_MOST_BRANCHES = 200

Filter = ColumnElement[bool]
Order = tuple[ColumnElement[Any], ...]

_LASTED = jobs.c.finished - jobs.c.started
_NEWEST: Order = (jobs.c.created.desc(), jobs.c.position.desc())
_SORTED: Order = ((jobs.c.created + 0).desc(), jobs.c.position.desc())
"""The same, where few rows are found by something else: "+ 0" keeps the planner from walking through history."""


def page(query: Query, *, by_duration: bool) -> Select[Any]:
    """Newest first, in the order of ``COLUMNS``. Cheap at any depth: pages begin where the last one ended.

    A state or a process is found in the order of the page, one after the other; what each of them has for the page is
    brought together. ``by_duration``: few jobs have lasted that long (``lasted``), and they are found by that.
    """
    wanted = select(*(jobs.c[name] for name in COLUMNS)).order_by(*_NEWEST).limit(query.limit)
    common = [*_bounds(query), *_durations(query)]
    if not by_duration and _passes_most(query):
        return wanted.where(*_chosen(query, sought=False), *common)
    parts = [
        select(jobs.c.position).where(*branch, *common).order_by(*order).limit(query.limit).subquery()
        for order, branch in (_by_duration(query) if by_duration else _by_index(query))
    ]
    return wanted.where(jobs.c.position.in_(union_all(*(select(part.c.position) for part in parts))))


def _passes_most(query: Query) -> bool:
    """Whether a walk through the newest jobs passes over none but some that have not ended, which are few."""
    return not (query.processes or query.protocols) and (not query.states or set(query.states) >= ENDED)


def lasted(query: Query) -> Select[Any] | None:
    """How many ended jobs have lasted as long as asked for, counted up to ``FEW``; None: nothing is asked for."""
    if query.longer_than is None and query.shorter_than is None:
        return None
    some = select(jobs.c.position).where(*_ended_durations(query)).limit(FEW).subquery()
    return select(func.count()).select_from(some)


def _by_index(query: Query) -> Iterator[tuple[Order, Sequence[Filter]]]:
    """What has not ended is little; ended jobs are found by state, and by process where it is asked for."""
    ended = sorted(state for state in query.states or State if state in ENDED)
    names = query.processes or (None,)
    if len(ended) * len(names) > _MOST_BRANCHES:
        yield _NEWEST, _chosen(query)
        return
    yield from _unended(query)
    for state, name in product(ended, names):
        own = [jobs.c.finished.is_not(None), jobs.c.state == state.value]
        own += [jobs.c.process == name] if name is not None else []
        own += [jobs.c.protocol.in_(query.protocols)] if query.protocols else []
        yield _NEWEST, own


def _by_duration(query: Query) -> Iterator[tuple[Order, Sequence[Filter]]]:
    yield from _unended(query)
    yield _SORTED, (*_ended_durations(query), *_chosen(query, sought=False))


def _unended(query: Query) -> Iterator[tuple[Order, Sequence[Filter]]]:
    states = [state.value for state in query.states or State if state not in ENDED]
    if states:
        yield _SORTED, (jobs.c.finished.is_(None), jobs.c.state.in_(states), *_chosen(query))


def _chosen(query: Query, *, sought: bool = True) -> list[Filter]:
    """``sought``: whether the planner may look for them in an index."""
    return [
        (column if sought else func.coalesce(column, "")).in_(values)
        for column, values in (
            (jobs.c.state, [state.value for state in query.states]),
            (jobs.c.process, [*query.processes]),
            (jobs.c.protocol, [*query.protocols]),
        )
        if values
    ]


def _bounds(query: Query) -> Iterator[Filter]:
    if query.created_after is not None:
        yield jobs.c.created > stamp(query.created_after)
    if query.created_before is not None:
        yield jobs.c.created < stamp(query.created_before)
    place = tuple_(jobs.c.created, jobs.c.position)
    if query.after is not None:
        last = [select(column).where(jobs.c.id == query.after).scalar_subquery() for column in place.clauses]
        yield place < tuple_(*last)
    if query.before is not None:
        yield place < tuple_(stamp(query.before.created), query.before.position)


def _durations(query: Query) -> Iterator[Filter]:
    """From the start to the end, or to now."""
    lasted = func.coalesce(jobs.c.finished, stamp(now())) - jobs.c.started
    if query.longer_than is not None:
        yield lasted >= round(query.longer_than * 1_000_000)
    if query.shorter_than is not None:
        yield lasted <= round(query.shorter_than * 1_000_000)


def _ended_durations(query: Query) -> list[Filter]:
    found: list[Filter] = [jobs.c.finished.is_not(None)]
    if query.longer_than is not None:
        found.append(round(query.longer_than * 1_000_000) <= _LASTED)
    if query.shorter_than is not None:
        found.append(round(query.shorter_than * 1_000_000) >= _LASTED)
    return found
