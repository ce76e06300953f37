"""HDF5 files from strangers: the library trusts what it reads, and a few wrong bytes make it hang or die."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from cloche.authoring.errors import WrongData

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PATIENCE_S = 10.0
_BYTES_A_SECOND = 2 << 20
# not those by which limits are kept: they are told as such
_DAMAGE = (signal.SIGALRM, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


def survive(path: Path, read: Callable[[], object]) -> bool:
    """Let a child process ``read`` the file first: whether it did, to the end.

    Raises WrongData where the child dies of it or does not come to an end. What else it meets is left to be met again.
    Other files than HDF5, and executions that may have no further process, go without.
    """
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return False
    try:
        child = os.fork()
    except BlockingIOError:
        return False
    if child == 0:
        _read_and_end(read, PATIENCE_S + path.stat().st_size / _BYTES_A_SECOND)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in _DAMAGE:
        raise WrongData("it is damaged: it cannot be read to its end")
    return status == 0


def _read_and_end(read: Callable[[], object], seconds: float) -> NoReturn:
    """In the child. The alarm's own action, since no handler of ours would run inside the library."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    code = 1
    try:
        read()
        code = 0
    finally:
        os._exit(code)  # what it raised the parent meets as well, and tells
