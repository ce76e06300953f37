"""SIGTERM, which asks an execution to end."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


@dataclass(frozen=True, slots=True)
class _Heeding:
    act: Callable[[], object]

    def __call__(self, *_: object) -> None:
        self.act()


def heed(act: Callable[[], object]) -> Handler:
    """Call ``act`` when this process is asked to end; returns what was done before."""
    return signal.signal(signal.SIGTERM, _Heeding(act))


def spare_children() -> None:
    """Have processes that process code forks end at the signal, as everywhere: it has not asked for our handler.

    Python forgets a signal that comes while it forks, so it is held back until the child has no handler any more.
    """
    masks: dict[int, set[int]] = {}

    def hold() -> None:
        masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))

    def let() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop(threading.get_ident(), ()))

    def forget() -> None:
        if isinstance(signal.getsignal(signal.SIGTERM), _Heeding):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        let()

    os.register_at_fork(before=hold, after_in_parent=let, after_in_child=forget)
