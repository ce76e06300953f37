"""Whether a literal value lies among the allowed ones: by value, never by text."""

import math
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from cloche.model.domains import Closure, Datatype, LiteralDomain, Range
from cloche.values import lexical, temporal
from cloche.values.lexical import LiteralValue


def allowed(item: LiteralValue, domain: LiteralDomain) -> bool:
    """Whether the domain lists the value or has it in a range; a domain with neither takes any value."""
    if not domain.values and not domain.ranges:
        return True
    listed = any(_same(item, lexical.value(text, domain.datatype)) for text in domain.values)
    return listed or any(inside(item, span, domain.datatype) for span in domain.ranges)


def inside(item: LiteralValue, span: Range, datatype: Datatype) -> bool:
    """Whether the value lies in the range and on its grid of ``spacing``; NaN lies in none."""
    place = _place(item)
    if isinstance(place, float) and math.isnan(place):
        return False
    low = None if span.minimum is None else lexical.value(span.minimum, datatype)
    high = None if span.maximum is None else lexical.value(span.maximum, datatype)
    if low is not None and (place < _place(low) or (_opens_low(span) and place == _place(low))):
        return False
    if high is not None and (place > _place(high) or (_opens_high(span) and place == _place(high))):
        return False
    return span.spacing is None or _on_grid(item, low, span.spacing)


def describe(domain: LiteralDomain) -> str:
    """The allowed values in words for the client."""
    parts = [f'"{text}"' if domain.datatype is Datatype.STRING else text for text in domain.values[:20]]
    if len(domain.values) > 20:
        parts.append(f"{len(domain.values) - 20} more")
    return ", ".join(parts + [_describe_range(span) for span in domain.ranges])


def _describe_range(span: Range) -> str:
    parts = []
    if span.minimum is not None:
        parts.append(f"{'more than' if _opens_low(span) else 'at least'} {span.minimum}")
    if span.maximum is not None:
        parts.append(f"{'less than' if _opens_high(span) else 'at most'} {span.maximum}")
    steps = f" in steps of {span.spacing}" if span.spacing is not None else ""
    return (" and ".join(parts) or "any value") + steps


def _opens_low(span: Range) -> bool:
    return span.closure in (Closure.OPEN, Closure.OPEN_CLOSED)


def _opens_high(span: Range) -> bool:
    return span.closure in (Closure.OPEN, Closure.CLOSED_OPEN)


def _place(item: LiteralValue) -> Any:
    """Where the value stands in the order of its datatype."""
    return temporal.moment(item) if isinstance(item, date | time) else item


def _same(left: LiteralValue, right: LiteralValue) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return bool(_place(left) == _place(right))


def _on_grid(item: LiteralValue, origin: LiteralValue | None, spacing: str) -> bool:
    if isinstance(item, date | time):
        start = temporal.moment(origin) if isinstance(origin, date | time) else datetime(1, 1, 1, tzinfo=UTC)
        return _on_temporal_grid(temporal.moment(item), start, temporal.read_duration(spacing))
    if isinstance(item, str) or not math.isfinite(item):
        return False
    # as the decimals that people wrote: 0.3 is three times 0.1, which binary fractions deny
    distance = _exact(item) - (_exact(origin) if isinstance(origin, int | float) and math.isfinite(origin) else 0)
    step = Fraction(spacing)
    return step != 0 and distance % step == 0


def _exact(number: float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _on_temporal_grid(item: datetime, start: datetime, step: temporal.Duration) -> bool:
    if not step.months:
        return (item - start) % step.exact == timedelta(0)
    try:
        local = item.astimezone(start.tzinfo)
    except OverflowError:
        return False
    months = (local.year - start.year) * 12 + local.month - start.month
    return months % step.months == 0 and (local.day, local.timetz()) == (start.day, start.timetz())
