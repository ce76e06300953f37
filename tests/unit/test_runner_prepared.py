"""Executions are forked even where the host runs out of processes for a while."""

import errno

import pytest

from cloche.runner import prepared


def test_a_fork_is_tried_again_while_the_host_has_no_process_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_AGAIN_S", 0.0)
    answers = [OSError(errno.EAGAIN, ""), OSError(errno.ENOMEM, ""), 42]

    def fork() -> int:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert prepared._patiently(fork) == 42


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EPERM])
def test_it_is_not_tried_for_ever_nor_where_it_is_forbidden(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_PATIENCE_S", 0.0)

    def fork() -> int:
        raise OSError(number, "")

    with pytest.raises(OSError, match=rf"\[Errno {number}\]"):
        prepared._patiently(fork)
