"""Whom a supervisor answers for, where it is the first process of all."""

import os

from cloche.runner.family import descendants


def test_the_first_process_has_descendants() -> None:
    assert os.getpid() in set(descendants(1))
    assert 1 not in set(descendants(1))
