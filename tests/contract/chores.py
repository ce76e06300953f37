"""A process package for executors' tests: well-behaved and less so."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

from cloche.process import Job, Output, ProcessError, process

Result = Annotated[str, Output("What there is to say")]


@process
def hello(name: str) -> Result:
    """Greet."""
    print("greeting", name)
    print("to the log", file=sys.stderr)
    return f"hello {name}"


@process
def sleep(seconds: float) -> Result:
    """Say that it has begun, then sleep."""
    Path("begun").touch()
    time.sleep(seconds)
    return "slept"


@process
def stubborn(seconds: float) -> Result:
    """Refuse to end: neither the first process nor its daemon hear a request."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        while True:
            with Path("alive").open("a") as file:
                file.write("x")
            time.sleep(0.01)
    while not Path("alive").exists():
        time.sleep(0.001)
    Path("begun").touch()
    time.sleep(seconds)
    return "slept"


@process
def tidy(seconds: float, *, job: Job) -> Result:
    """Clean up when asked to end."""
    Path("begun").touch()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if job.cancelled:
            Path("tidied").touch()
            raise ProcessError("tidied up")
        time.sleep(0.005)
    return "slept"


@process
def fail() -> Result:
    """Raise."""
    raise RuntimeError("as it should")


@process
def die(number: int) -> Result:
    """End by a signal, children first in line."""
    signal.signal(number, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), number)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    os._exit(128 + os.WTERMSIG(status))


@process
def count() -> Result:
    """Leave a mark for every time that it is run."""
    with Path("marks").open("a") as file:
        file.write("x")
    time.sleep(0.1)
    return Path("marks").read_text()


@process
def talk(seconds: float) -> Result:
    """Say that it has begun, sleep, then print more than a small disk holds."""
    Path("begun").touch()
    time.sleep(seconds)
    sys.stdout.write("words " * 200_000)
    raise ProcessError("said it all")


@process
def crowd(seconds: float) -> Result:
    """A thread, a child with a child of its own, a daemon in a session of its own, a program: each leaves beats."""
    threading.Thread(target=_beat, args=("thread",), daemon=True).start()
    if os.fork() == 0:
        if os.fork() == 0:
            _beat("grandchild")
        _beat("child")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _beat("daemon")
        os._exit(0)
    script = "while :; do printf x >> beat.program; sleep 0.01; done"
    subprocess.Popen(["sh", "-c", script], start_new_session=True)
    while len(list(Path().glob("beat.*"))) < 5:
        time.sleep(0.002)
    Path("begun").touch()
    _beat("first", seconds)
    return "beaten"


@process
def runaway(seconds: float) -> Result:
    """A chain of processes that start the next one and end, faster than anyone can look."""
    for number in range(3):
        if os.fork() == 0:
            os.setsid()
            while True:
                with Path(f"beat.{number}").open("a") as file:
                    file.write("x")
                if os.fork():
                    os._exit(0)
    while len(list(Path().glob("beat.*"))) < 3:
        time.sleep(0.002)
    Path("begun").touch()
    _beat("first", seconds)
    return "outrun"


def _beat(name: str, seconds: float = 3600) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with Path(f"beat.{name}").open("a") as file:
            file.write("x")
        time.sleep(0.005)


@process
def devour(megabytes: int) -> Result:
    """Take memory, and use it."""
    Path("begun").touch()
    taken = [bytearray(os.urandom(1 << 20)) for _ in range(megabytes)]
    return str(len(taken))
