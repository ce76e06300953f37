"""A job that needs nothing, for every mode."""

import time
from typing import Annotated

from cloche.process import Output, process


@process(id="trivial", version="1")
def trivial() -> Annotated[float, Output("Sum", id="result")]:
    """Add."""
    return 1.5 + 2.25


@process(id="hold", version="1")
def hold() -> Annotated[float, Output("Seconds", id="result")]:
    """Keep what was prepared from others."""
    time.sleep(600)
    return 600.0
