"""An execution of nothing: whether the walls stand is told by its coming to an end."""

from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Report
from cloche.runner.walls import kernel
from cloche.runner.zygote import Loaded


def load(_: str) -> Loaded:
    """A package without processes; its call writes the version of Landlock as the result."""
    return Loaded(_call, Report())


def _call(layout: Layout) -> int:
    layout.result.write_text(str(kernel.landlock_abi()))
    return 0
