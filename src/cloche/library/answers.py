"""A process that takes its time: for demonstrations of progress, pausing and dismissing."""

import time
from typing import Annotated

from cloche.process import Input, Job, Output, process

STEPS = 100


@process(version="1.3.3", title="Answer to the ultimate question", keywords=["demo"])
def ultimate_question(
    delay: Annotated[float, Input("Seconds to think", minimum=0, maximum=3600, unit="s")] = 10.0, *, job: Job
) -> Annotated[int, Output("Answer", id="answer")]:
    """Answer the ultimate question of life, the universe and everything, after some thought."""
    for step in range(STEPS):
        job.progress(100 * step / STEPS, "thinking")
        time.sleep(delay / STEPS)
    return 42
