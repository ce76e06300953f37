"""What of the job list is asked for (clause 12)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from cloche.model.job import Job
from cloche.model.state import State
from cloche.ports.store import Place, Query
from cloche.protocols.ogcapi.problems import Refused, bad_parameter
from cloche.protocols.ogcapi.status import CODES
from cloche.values import temporal

MOST = 10_000
DEFAULT = 100
CURSOR = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT = timedelta(microseconds=1)
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime(9998, 1, 1, tzinfo=UTC)
_DEFAULT_CODES = ("running", "successful", "failed", "dismissed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Query parameters: names that are given more than once keep all their values."""

    values: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str | None:
        """The only value, or None. Raises Refused."""
        found = self.values.get(name, ())
        if len(found) > 1:
            raise bad_parameter(name, "it is given more than once.")
        return found[0] if found else None

    def many(self, name: str) -> tuple[str, ...]:
        """All values, of lists with commas too; an empty list is written as nothing."""
        return tuple(part for text in self.values.get(name, ()) for part in text.split(",") if text)


def parse(query_string: bytes) -> Asked:
    """Raises Refused."""
    found: dict[str, list[str]] = {}
    try:
        text = query_string.decode("latin-1")
        for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=200, errors="strict"):
            found.setdefault(name, []).append(value)
    except ValueError:
        raise bad_parameter("query", "it cannot be read: names and values are UTF-8, 200 at most.") from None
    return Asked(values=found)


def page(asked: Asked) -> tuple[int, int]:
    """``limit`` and ``offset`` of the process list. Raises Refused."""
    return limit(asked), _number(asked, "offset", 0, 1_000_000, default=0)


def limit(asked: Asked) -> int:
    """/req/core/pl-limit-definition. Raises Refused."""
    return _number(asked, "limit", 1, MOST, default=DEFAULT)


def jobs(asked: Asked) -> Query:
    """One more than the page holds, to know whether there is another. Raises Refused."""
    after, before = _interval(asked)
    for kind in asked.many("type"):
        if kind != "process":
            raise bad_parameter("type", "process is the only type of jobs.")
    return Query(
        states=_states(asked.many("status")),
        processes=asked.many("processID"),
        created_after=after,
        created_before=before,
        longer_than=_duration(asked, "minDuration"),
        shorter_than=_duration(asked, "maxDuration"),
        limit=limit(asked) + 1,
        before=_place(asked),
    )


def cursor(job: Job) -> str:
    """Where the page after the one that ends with ``job`` begins."""
    return f"{(job.created - _EPOCH) // _UNIT}.{job.position}"


def _place(asked: Asked) -> Place | None:
    text = asked.one("cursor")
    if text is None:
        return None
    found = CURSOR.fullmatch(text)
    if found is None:
        raise bad_parameter("cursor", "it is taken from the link to the next page, as it stands there.")
    return Place(created=_EPOCH + int(found[1]) * _UNIT, position=int(found[2]))


def following(asked: Asked, **changes: int | str) -> str:
    """The query string of another page."""
    pairs = [(name, value) for name, values in asked.values.items() if name not in changes for value in values]
    return urlencode([*pairs, *((name, str(value)) for name, value in changes.items())])


def _states(codes: Sequence[str]) -> tuple[State, ...]:
    """/req/job-list/status-response: without ``status``, jobs that run or have ended."""
    known = set(CODES.values())
    for code in codes:
        if code not in known:
            raise bad_parameter("status", f"{code[:40]!r} is not among {', '.join(sorted(known))}.")
    wanted = codes or _DEFAULT_CODES
    return tuple(state for state, code in CODES.items() if code in wanted)


def _number(asked: Asked, name: str, least: int, most: int, *, default: int) -> int:
    text = asked.one(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise bad_parameter(name, f"an integer from {least} to {most} is expected.")
    return int(text)


def _duration(asked: Asked, name: str) -> int | None:
    """The standard's definition is a list of integers, its meaning one number of seconds."""
    found = asked.many(name)
    if not found:
        return None
    if len(found) > 1 or not (found[0].isascii() and found[0].isdigit() and len(found[0]) < 10):
        raise bad_parameter(name, "one whole number of seconds is expected.")
    return int(found[0])


def _interval(asked: Asked) -> tuple[datetime | None, datetime | None]:
    """Exclusive bounds around ``datetime`` (/req/job-list/datetime-definition). Raises Refused."""
    text = asked.one("datetime")
    if text is None:
        return None, None
    start, slash, end = text.partition("/")
    if not slash:
        moment = _moment(start)
        # without a fraction of a second the whole second is meant
        last = moment if "." in start else moment + timedelta(seconds=1) - _UNIT
        return moment - _UNIT, last + _UNIT
    after = None if start in ("", "..") else _moment(start) - _UNIT
    before = None if end in ("", "..") else _moment(end) + _UNIT
    if after is None and before is None and "/" in end:
        raise bad_parameter("datetime", "an interval has two ends.")
    return after, before


def _moment(text: str) -> datetime:
    try:
        # a plus that nobody encoded arrives as a space
        found = temporal.read_datetime(text.replace(" ", "+"))
    except ValueError:
        raise _no_time() from None
    if found.tzinfo is None:
        raise _no_time()
    return min(max(found, _EARLIEST), _LATEST).astimezone(UTC)


def _no_time() -> Refused:
    return bad_parameter("datetime", "a time such as 2024-03-01T12:00:00Z, or an interval, is expected.")
