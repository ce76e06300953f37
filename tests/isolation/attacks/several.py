"""Several attacks in one execution, where executions take long to start."""

import json
from typing import Annotated

from cloche.process import Output, process

from . import files, kernel, network, processes
from ._means import Facts


@process
def several(facts: Facts, names: str) -> Annotated[str, Output("What each says, as JSON")]:
    """One after the other, in this process: none of them takes anything that the next one needs."""
    said = {}
    for name in json.loads(names):
        module = next(module for module in (files, kernel, network, processes) if hasattr(module, name))
        said[name] = getattr(module, name)(facts)
    return json.dumps(said)
