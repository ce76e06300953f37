"""Processes that tell secrets, and that look for them."""

import ctypes
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cloche.process import Output, process

print("unfinished", end="", file=sys.stderr)


@process
def whisper(secret: str) -> Annotated[str, Output("Said", id="result")]:
    """Tell a secret to everybody who listens."""
    for stream in (sys.stdout, sys.stderr):
        print(secret * 50, file=stream, flush=True)
    Path(secret).write_text(secret)
    return secret


@process
def remember(first: str, second: str) -> Annotated[str, Output("How often", id="result")]:
    """Count a text in all of our memory; it comes in two parts, so that looking for it does not put it there."""
    head, tail = first.encode(), second.encode()
    found = 0
    for data in regions():
        at = data.find(head)
        while at >= 0:
            found += data[at + len(head) : at + len(head) + len(tail)] == tail
            at = data.find(head, at + 1)
    return str(found)


def regions() -> Iterator[bytes]:
    """Every part of our memory that may be written."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, *_ = line.split()
        begin, end = (int(number, 16) for number in place.split("-"))
        if rights.startswith("rw"):
            yield ctypes.string_at(begin, end - begin)


@process
def sleep(seconds: float) -> Annotated[str, Output("Said", id="result")]:
    """Sleep."""
    Path("begun").touch()
    time.sleep(seconds)
    return "slept"


@process
def fill(size: int) -> Annotated[str, Output("Said", id="result")]:
    """Use memory and processor."""
    data = bytearray(size)
    for at in range(0, size, 4096):
        data[at] = 1
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    return "filled"


@process
def linger(name: str) -> Annotated[str, Output("Said", id="result")]:
    """Leave files of that name for whoever measures the work directory."""
    for number in range(100):
        Path(f"{name}-{number}").touch()
    time.sleep(0.6)
    return "lingered"


_FORKS: list[str] = []
_GATE = threading.Lock()


def _after() -> None:
    _GATE.release()  # as the standard library's own do: what comes before has taken it
    _FORKS.append("after")


os.register_at_fork(before=_GATE.acquire, after_in_child=_after, after_in_parent=_GATE.release)


@process
def forks() -> Annotated[str, Output("Calls of the package's hooks, and whether its lock is free", id="result")]:
    """What was done for this fork."""
    return f"{' '.join(_FORKS)} {'taken' if _GATE.locked() else 'free'}"


@process
def draw() -> Annotated[str, Output("A number", id="result")]:
    """Throw the dice that all executions have a copy of."""
    return str(random.getrandbits(64))


@process
def group() -> Annotated[str, Output("The control group of its memory", id="result")]:
    """Say where its memory is counted."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    return next(line.split(":", 2)[2] for line in lines if line.split(":", 2)[1] in ("memory", ""))


@process
def terminate() -> Annotated[str, Output("How its child ended", id="result")]:
    """End a child that was just forked, as pools do."""
    ends = []
    for _ in range(10):
        if (child := os.fork()) == 0:
            time.sleep(5)
            os._exit(0)
        os.kill(child, signal.SIGTERM)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return str(set(ends))


@process
def secret() -> Annotated[str, Output("The secret of its pools", id="result")]:
    """Tell what multiprocessing signs its messages with."""
    return multiprocessing.current_process().authkey.hex()
