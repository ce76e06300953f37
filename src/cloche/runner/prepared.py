"""An execution that was forked and waits for its order."""

import contextlib
import errno
import functools
import os
import time
from collections.abc import Callable

from cloche.runner import child, here
from cloche.runner.desk import Commission
from cloche.runner.groups import Groups
from cloche.runner.logs import Log
from cloche.runner.walls import kernel, raising

_PATIENCE_S = 20.0
_AGAIN_S = 0.1


class Prepared:
    """Belongs to a supervisor. ``first`` is the process number of its first process."""

    def __init__(self, walls: raising.Walls, call: child.Call, groups: Groups, thread_id: int | None) -> None:
        """``thread_id``: see ``kernel.fork_sealed``."""
        self.sealed = walls.sealed
        self.logs = (Log(here.STDOUT), Log(here.STDERR))
        self._groups = groups
        theirs, self._orders = os.pipe2(os.O_CLOEXEC)
        if thread_id is None and walls.sealed:
            kernel.unshare(kernel.CLONE_NEWPID)
        self.first = _patiently(kernel.fork if thread_id is None else functools.partial(kernel.fork_sealed, thread_id))
        if self.first == 0:
            stdout, stderr = (log.writer for log in self.logs)
            child.run(walls, call, child.Ends(orders=theirs, stdout=stdout, stderr=stderr), groups)
        for descriptor in (theirs, *(log.writer for log in self.logs)):
            os.close(descriptor)

    def go(self, commission: Commission) -> Groups:
        """Hand over the letter; returns all control groups that the execution is in."""
        commission.groups.admit(self.first)
        groups = self._groups.with_more(commission.groups)
        with contextlib.suppress(BrokenPipeError):  # it has failed already and has said why
            os.writev(self._orders, (child.dump_enforced(groups.enforced()), commission.letter))
        os.close(self._orders)
        commission.letter[:] = bytes(len(commission.letter))
        return groups

    def close(self) -> None:
        """Let go of what is left when it has ended."""
        for log in self.logs:
            log.close()

    def discard(self) -> None:
        """There will be no order."""
        os.close(self._orders)
        os.waitpid(self.first, 0)


def _patiently(fork: Callable[[], int]) -> int:
    """Again and again while the host has no process to give: an order may be on its way that nobody else would hear."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return fork()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOMEM) or time.monotonic() > until:
                raise
            time.sleep(_AGAIN_S)
