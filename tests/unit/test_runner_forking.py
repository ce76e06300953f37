"""What packages want done after a fork, when they are forked without Python's own doing it."""

import os
import signal

import pytest

from cloche.runner import forking


def test_hooks_are_noted_while_they_are_registered_and_only_then():
    register = os.register_at_fork
    calls = []
    with forking.noted() as hooks:
        os.register_at_fork(before=lambda: calls.append("before"), after_in_child=lambda: calls.append("after"))
        os.register_at_fork(after_in_parent=lambda: None)
    assert os.register_at_fork is register
    assert [(hook.before is not None, hook.after is not None) for hook in hooks] == [(True, True), (False, False)]
    forking.catch_up(hooks)
    assert calls == ["before", "after"]


def test_the_last_registered_comes_first_before_a_fork_and_last_after_it():
    calls = []
    hooks = [forking.Hook(lambda n=n: calls.append(-n), lambda n=n: calls.append(n)) for n in (1, 2, 3)]
    forking.catch_up(hooks)
    assert calls == [-3, -2, -1, 1, 2, 3]


def test_a_hook_that_fails_is_told_and_the_others_are_done(capsys):
    calls = []
    forking.catch_up([forking.Hook(None, lambda: 1 / 0), forking.Hook(None, lambda: calls.append("second"))])
    assert calls == ["second"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def leave():
    raise SystemExit(3)


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("hook", [leave, interrupt])
def test_a_hook_that_wants_to_leave_does_not_end_the_execution(hook):
    called = []
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    forking.catch_up([forking.Hook(None, hook), forking.Hook(None, lambda: called.append("next"))])
    assert called == ["next"]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == masked


def test_what_python_refuses_is_refused_and_not_noted():
    with forking.noted() as hooks:
        with pytest.raises(TypeError):
            os.register_at_fork(after_in_child="no function")
        with pytest.raises(TypeError):
            os.register_at_fork(never=print)
        with pytest.raises(TypeError):
            os.register_at_fork(before=None)
    assert hooks == []


def test_registering_is_as_before_where_the_import_fails():
    register = os.register_at_fork
    with pytest.raises(ImportError), forking.noted():
        raise ImportError
    assert os.register_at_fork is register
