"""Sizes of inputs against their caps."""

from cloche.model.errors import SizeExceeded
from cloche.model.quantities import show_bytes


def least(*caps: int | None) -> int | None:
    """The strictest cap; None where there is none."""
    return min((cap for cap in caps if cap is not None), default=None)


def check(size: int, cap: int | None, locator: str) -> None:
    """Raises SizeExceeded where one input is larger than its cap."""
    if cap is not None and size > cap:
        raise SizeExceeded(f"Input {locator} is larger than the allowed {show_bytes(cap)}.", locator=locator)
