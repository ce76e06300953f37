"""The pause of one execution, as its supervisor makes it: asked for, being made, there, over."""

import contextlib
import os
import time
from collections.abc import Callable

from cloche.jobdir.orders import Hold
from cloche.runner.family import Family
from cloche.runner.groups import Groups
from cloche.runner.holding import Means, Stopped, means_of

_SOON_S = 0.002
_LATER_S = 0.1
_HURRY_S = 1.0  # afterwards something does not want to stand still: it is looked at less often


class Pause:
    """``still`` while nothing of the family runs; ``record`` says so to the server, ``erase`` that it is over.

    ``due`` is when to press on, on the monotonic clock. Both calls may raise OSError: a full disk delays the word, not
    the pause.
    """

    def __init__(
        self, family: Family, groups: Groups, *, record: Callable[[], None], erase: Callable[[], None]
    ) -> None:
        self._family = family
        self._groups = groups
        self._means: Means | None = None  # looked for when it is needed: hardly ever
        self._record = record
        self._erase = erase
        self._wish = Hold.GO_ON
        self._asked = 0.0
        self._since: float | None = None
        self.still = False
        self.due: float | None = None

    @property
    def used(self) -> bool:
        """Whether one was ever asked for."""
        return self._means is not None

    @property
    def wanted(self) -> bool:
        """Whether the family is to stand still, or does."""
        return self._wish is not Hold.GO_ON

    @property
    def stops_clock(self) -> bool:
        """Whether run time does not count now."""
        return self.still and self._wish is Hold.STILL

    def ask(self, wish: Hold) -> None:
        """Begin; GO_ON is ``end``'s. Idempotent."""
        if self.wanted:
            return
        self._wish = wish
        self._means = self._means or means_of(self._groups)
        self._asked = time.monotonic()
        self.press()

    def press(self) -> None:
        """One step further, and the word to the server when all stand still."""
        now = time.monotonic()
        self.due = now + (_SOON_S if now - self._asked < _HURRY_S else _LATER_S)
        if not self.still:
            if self._means is None or not self._hold(self._means):
                return
            self.still = True
            self._since = time.monotonic()
        with contextlib.suppress(OSError):
            self._record()
            self.due = None

    def end(self) -> float:
        """Let the family go on; returns the seconds that do not count as run time. Idempotent."""
        if self._means is None:
            return 0.0
        stood = time.monotonic() - self._since if self.stops_clock and self._since is not None else 0.0
        self._wish = Hold.GO_ON
        self.still = False
        self._since = self.due = None
        with contextlib.suppress(OSError):
            self._erase()  # first: who reads that it is paused may rely on it
        self._means.release(self._family)
        return stood

    def _hold(self, means: Means) -> bool:
        try:
            return means.press(self._family)
        except OSError as error:
            os.write(2, f"pause: {error!r}; by signals\n".encode())
            with contextlib.suppress(OSError):
                means.release(self._family)
            self._means = Stopped()
            return self._means.press(self._family)
