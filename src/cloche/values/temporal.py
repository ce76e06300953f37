"""Dates, times and durations of XML Schema, within the years 1 to 9999 and to the microsecond.

A date may have a zone there, so there is a Python ``date`` here that remembers one.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

_ZONE = r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
_DAY = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,100}))?"
_DATE = re.compile(_DAY + _ZONE)
_TIME = re.compile(_CLOCK + _ZONE)
_DATETIME = re.compile(f"{_DAY}T{_CLOCK}{_ZONE}")
_DURATION = re.compile(
    r"P(?:(?P<years>[0-9]{1,6})Y)?(?:(?P<months>[0-9]{1,6})M)?(?:(?P<days>[0-9]{1,6})D)?"
    r"(?:T(?:(?P<hours>[0-9]{1,9})H)?(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,9}(?:\.[0-9]{1,6})?)S)?)?"
)


class ZonedDate(date):
    """A date that remembers its zone, as XML Schema has them; what is computed from it has none."""

    __slots__ = ("zone",)
    zone: timezone | None

    def __new__(cls, year: int, month: int, day: int, zone: timezone | None = None) -> "ZonedDate":
        self = super().__new__(cls, year, month, day)
        self.zone = zone
        return self


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: months, or exact time, never both."""

    months: int
    exact: timedelta


def read_date(text: str) -> date:
    """A calendar day. Raises ValueError with a text for the client."""
    parts = _DATE.fullmatch(text)
    if parts is None:
        raise ValueError("a date such as 2024-05-31 is expected")
    day = _day(parts)
    zone = _zone(parts["zone"])
    return day if zone is None else ZonedDate(day.year, day.month, day.day, zone)


def read_time(text: str) -> time:
    """A time of day, zoned or not. Raises ValueError with a text for the client."""
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise ValueError("a time such as 13:20:00 or 13:20:00Z is expected")
    return _clock(parts)[0]


def read_datetime(text: str) -> datetime:
    """A moment, zoned or not; 24:00:00 is the next day's beginning. Raises ValueError with a text for the client."""
    parts = _DATETIME.fullmatch(text)
    if parts is None:
        raise ValueError("a date and time such as 2024-05-31T13:20:00Z is expected")
    clock, next_day = _clock(parts)
    try:
        return datetime.combine(_day(parts), clock) + timedelta(days=next_day)
    except OverflowError:
        raise ValueError("the date is out of range") from None


def read_duration(text: str) -> Duration:
    """An ``xs:duration``, positive. Raises ValueError."""
    parts = _DURATION.fullmatch(text)
    given = {name: part for name, part in parts.groupdict().items() if part is not None} if parts else {}
    months = int(given.pop("years", 0)) * 12 + int(given.pop("months", 0))
    exact = timedelta(**{name: float(part) for name, part in given.items()})
    if (months == 0) == (exact == timedelta(0)):
        raise ValueError("a duration such as P1M, P1D or PT15M is expected")
    return Duration(months, exact)


def write(moment: date | time) -> str:
    """Canonical text of a date, time or datetime; years have four digits, fractions no trailing zeros."""
    if not isinstance(moment, datetime | time):
        zone = moment.zone if isinstance(moment, ZonedDate) else None
        return moment.isoformat() + _write_zone(zone and zone.utcoffset(None))
    plain = moment.replace(tzinfo=None).isoformat()
    text = plain.rstrip("0") if "." in plain else plain
    return text + _write_zone(moment.utcoffset())


def moment(item: date | time) -> datetime:
    """A point on one line for anything temporal, so that values compare; without a zone it counts as UTC.

    A time lies on the second day of year 1, so that its zone cannot push it out of range.
    """
    if isinstance(item, datetime):
        return item if item.tzinfo else item.replace(tzinfo=UTC)
    if isinstance(item, time):
        return moment(datetime.combine(date(1, 1, 2), item))
    zone = item.zone if isinstance(item, ZonedDate) else None
    return datetime(item.year, item.month, item.day, tzinfo=zone or UTC)


def _day(parts: re.Match[str]) -> date:
    try:
        return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except ValueError:
        raise ValueError("there is no such day") from None


def _clock(parts: re.Match[str]) -> tuple[time, bool]:
    hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["second"])
    # finer than a microsecond is cut: XML Schema asks for milliseconds at least
    micro = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    midnight = hour == 24 and minute == second == micro == 0
    try:
        return time(0 if midnight else hour, minute, second, micro, _zone(parts["zone"])), midnight
    except ValueError:
        raise ValueError("there is no such time") from None


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError("a zone lies between -14:00 and +14:00")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _write_zone(offset: timedelta | None) -> str:
    if offset is None:
        return ""
    minutes = offset // timedelta(minutes=1)
    if minutes == 0:
        return "Z"
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
