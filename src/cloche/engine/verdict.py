"""What the evidence says of an execution: a pure function, every row of its table is a test."""

from datetime import timedelta

from cloche.jobdir.records import ExitRecord
from cloche.model.state import State
from cloche.ports.executor import Phase, Sighting

MIRROR = {Phase.QUEUED: State.STARTING, Phase.RUNNING: State.RUNNING, Phase.PAUSED: State.PAUSED}


def verdict(
    *, exit: ExitRecord | None, seen: Sighting | None, gone_for: timedelta, grace: timedelta, stopping: bool
) -> State | None:
    """The state that the evidence calls for, or None: nothing was learnt.

    ``exit`` is what the supervisor wrote, ``seen`` what the back-end said (None: silence), ``gone_for`` how long it has
    been saying that the task is gone, ``stopping`` whether the end was asked for.
    """
    if exit is not None and (exit.ok or not stopping):
        return State.SUCCEEDED if exit.ok else State.FAILED
    if seen is None:
        return None  # silence is no answer
    if seen.phase is not Phase.GONE:
        return MIRROR[seen.phase]
    if exit is None and gone_for < grace:
        return None  # shared file systems lag behind
    return State.DISMISSED if stopping else State.FAILED
