"""Deadlines do not jump with the clock on the wall."""

import pytest

from cloche.engine.clock import BELIEVED_AFTER_S, DeadlineClock, passed, wall

HOUR = 3600.0


class Hands:
    """Both clocks, to be moved by hand."""

    def __init__(self) -> None:
        self.wall, self.passed = 1_000_000.0, 50.0
        self.clock = DeadlineClock(wall=lambda: self.wall, passed=lambda: self.passed)

    def go(self, seconds: float, *, jump: float = 0.0) -> float:
        self.wall += seconds + jump
        self.passed += seconds
        return self.clock.now().timestamp() - 1_000_000.0


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_it_goes_with_the_clock_on_the_wall(hands: Hands) -> None:
    assert [hands.go(10), hands.go(HOUR)] == [10, 10 + HOUR]


def test_drift_is_followed(hands: Hands) -> None:
    assert hands.go(10, jump=0.5) == 10.5
    assert hands.go(10, jump=-0.7) == pytest.approx(19.8)


def test_a_jump_forward_counts_only_what_has_passed(hands: Hands) -> None:
    assert hands.go(10, jump=20 * 365 * 24 * HOUR) == 10
    assert hands.go(HOUR) == HOUR + 10
    assert hands.clock.doubt() == 20 * 365 * 24 * HOUR


def test_a_jump_forward_that_is_taken_back_leaves_no_trace(hands: Hands) -> None:
    hands.go(10, jump=5 * HOUR)
    assert hands.go(10, jump=-5 * HOUR) == 20
    assert hands.go(10) == 30


def test_a_jump_back_is_followed_at_once(hands: Hands) -> None:
    assert hands.go(10, jump=-HOUR) == 10 - HOUR
    assert hands.go(10) == 20 - HOUR


def test_after_a_day_a_jump_is_believed(hands: Hands) -> None:
    hands.go(0, jump=5 * HOUR)
    assert hands.go(BELIEVED_AFTER_S - 1) == BELIEVED_AFTER_S - 1
    assert hands.go(1) == BELIEVED_AFTER_S + 5 * HOUR


def test_the_real_clocks_agree_with_each_other() -> None:
    assert abs(DeadlineClock().now().timestamp() - wall()) < 5
    assert passed() > 0
