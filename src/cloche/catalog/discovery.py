"""Process packages that installed distributions announce."""

from importlib.metadata import entry_points

GROUP = "cloche.processes"


def installed(group: str = GROUP) -> tuple[str, ...]:
    """The modules named by entry points of that group, ordered and once each; none of them is imported."""
    return tuple(sorted({point.module for point in entry_points(group=group)}))
