"""Sizes: how much is allowed, and how it is said."""

from cloche.model.errors import SizeExceeded

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def show(size: int) -> str:
    """``10485760`` as ``10 MiB``, at most one decimal."""
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def least(*caps: int | None) -> int | None:
    """The strictest cap; None where there is none."""
    return min((cap for cap in caps if cap is not None), default=None)


def check(size: int, cap: int | None, locator: str) -> None:
    """Raises SizeExceeded where one input is larger than its cap."""
    if cap is not None and size > cap:
        raise SizeExceeded(f"Input {locator} is larger than the allowed {show(cap)}.", locator=locator)
