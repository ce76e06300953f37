"""Amounts as people write them: ``1GiB``, ``10min``."""

import math
import re

_AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Z]*)\s*")
_SIZE_UNIT = re.compile(r"([kmgtp]?)(?:i?b?)|()bytes?")
_POWERS = "kmgtp"
_SHOWN = ("bytes", "KiB", "MiB", "GiB", "TiB")
_SECONDS = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}


def bytes_of(amount: str | float) -> int:
    """A size in bytes: a whole number, or a text such as ``1GiB``, ``500 kB``, ``3mb``, ``64k``.

    Every unit is a power of 1024, however it is spelt: so do PyWPS, systemd and the kernel. Raises ValueError.
    """
    if isinstance(amount, str):
        number, unit = _split(amount, "a size such as 512MiB")
        prefix = _SIZE_UNIT.fullmatch(unit)
        if prefix is None or unit == "i":
            raise ValueError(f"{amount!r} is not a size such as 512MiB: unknown unit")
        number *= 1024 ** (_POWERS.index(prefix[1]) + 1 if prefix[1] else 0)
    else:
        number = _plain(amount, "a size such as 512MiB")
    if not float(number).is_integer():
        raise ValueError(f"{amount!r} is not a whole number of bytes")
    return int(number)


def seconds_of(amount: str | float) -> float:
    """A duration in seconds: a number, or a text such as ``10min``, ``1h 30min``, ``500 ms``. Raises ValueError."""
    if not isinstance(amount, str):
        return float(_plain(amount, "a time such as 10min"))
    parts = re.findall(r"[0-9.]+\s*[a-zA-Z]*\s*", amount)
    if not parts or "".join(parts) != amount.lstrip():
        raise ValueError(f"{amount!r} is not a time such as 10min")
    return math.fsum(_seconds(part, whole=amount) for part in parts)


def show_bytes(size: int) -> str:
    """A size for people: ``10485760`` as ``10 MiB``, at most one decimal."""
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_SHOWN) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f}".removesuffix(".0") + f" {_SHOWN[unit]}"


def _seconds(part: str, *, whole: str) -> float:
    number, unit = _split(part, "a time such as 10min")
    factor = _SECONDS.get(unit)
    if factor is None:
        raise ValueError(f"{whole!r} is not a time such as 10min: unknown unit")
    return number * factor


def _split(text: str, expected: str) -> tuple[float, str]:
    found = _AMOUNT.fullmatch(text)
    if found is None or len(text) > 40:
        raise ValueError(f"{text[:60]!r} is not {expected}")
    return float(found[1]), found[2].lower()


def _plain(amount: float, expected: str) -> float:
    # True is an int to Python, and never an amount to people
    if isinstance(amount, bool) or not math.isfinite(amount) or amount < 0:
        raise ValueError(f"{amount!r} is not {expected}")
    return amount
