"""What package code wants done after a fork.

Supervisors and zygotes have one thread and hold no lock when they fork: what the standard library does in a child for
the locks of other threads would be done for nothing, in each execution. So executions are forked without it, and do
later what packages have registered for the same moment.
"""

import contextlib
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Function = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Hook:
    """One call of ``os.register_at_fork``: what is to be done before a fork and, in the child, after it."""

    before: Function | None
    after: Function | None


@contextlib.contextmanager
def noted() -> Iterator[list[Hook]]:
    """The hooks that are registered meanwhile. They count for other forks as well."""
    hooks: list[Hook] = []
    register = os.register_at_fork

    def note(**functions: Any) -> None:
        register(**functions)
        hooks.append(Hook(functions.get("before"), functions.get("after_in_child")))

    os.register_at_fork = note
    try:
        yield hooks
    finally:
        os.register_at_fork = register


def catch_up(hooks: Sequence[Hook]) -> None:
    """Do what would have been done when this process was forked, in the order of Python.

    Whatever a hook raises is told and nothing more, as Python has it; a wish to end is heard afterwards.
    """
    if not hooks:
        return
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    for hook in reversed(hooks):
        _call(hook.before)
    for hook in hooks:
        _call(hook.after)
    signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def _call(function: Function | None) -> None:
    try:
        if function is not None:
            function()
    except BaseException:  # noqa: BLE001 - package code: Python goes on as well
        traceback.print_exc()
