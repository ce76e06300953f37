"""The table of states."""

from cloche.model.limits import Limits
from cloche.model.state import ENDED, OCCUPYING, TRANSITIONS, State


def test_every_state_has_its_row_and_every_end_is_final():
    assert set(TRANSITIONS) == set(State)
    assert {State.SUCCEEDED, State.FAILED, State.DISMISSED} == ENDED
    assert OCCUPYING | ENDED | {State.ACCEPTED} == set(State)


def test_every_state_reaches_every_kind_of_failure():
    for state in set(State) - ENDED:
        assert {State.FAILED, State.DISMISSED} <= TRANSITIONS[state]


def test_success_comes_only_from_executions_that_have_begun():
    before = [s for s in State if State.SUCCEEDED in TRANSITIONS[s]]
    assert before == [State.RUNNING, State.PAUSED, State.FINISHING]


def test_the_stricter_limit_wins():
    assert Limits(memory=5, cpus=2.0).within(Limits(memory=3, run_time=60)) == Limits(memory=3, cpus=2.0, run_time=60)
