"""States of a job and the only table of moves between them."""

from enum import StrEnum


class State(StrEnum):
    """What was observed. The engine alone moves it."""

    ACCEPTED = "accepted"  # waits for a slot
    STARTING = "starting"  # claimed: inputs are staged, the executor is asked
    RUNNING = "running"
    PAUSED = "paused"
    FINISHING = "finishing"  # the execution has ended: files are collected
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DISMISSED = "dismissed"


class Wanted(StrEnum):
    """What clients ask for. Only the service writes it."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.STARTING, State.FAILED, State.DISMISSED}),
    # back to accepted: the back-end could not be reached, nothing was started
    State.STARTING: frozenset({State.RUNNING, State.ACCEPTED, State.FINISHING, State.FAILED, State.DISMISSED}),
    # to succeeded at once: there are no files to be collected
    State.RUNNING: frozenset({State.PAUSED, State.FINISHING, State.SUCCEEDED, State.FAILED, State.DISMISSED}),
    State.PAUSED: frozenset({State.RUNNING, State.FINISHING, State.SUCCEEDED, State.FAILED, State.DISMISSED}),
    State.FINISHING: frozenset({State.SUCCEEDED, State.FAILED, State.DISMISSED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.DISMISSED: frozenset(),
}

OCCUPYING = frozenset({State.STARTING, State.RUNNING, State.PAUSED, State.FINISHING})
ENDED = frozenset(state for state, following in TRANSITIONS.items() if not following)
