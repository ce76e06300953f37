"""The process package of the soak: a process for each way in which an execution can end."""

import ctypes
import os
import signal
import time
from typing import Annotated, TypedDict

from cloche.process import File, Format, Limits, Output, ProcessError, process


class Both(TypedDict):
    """The text, as a literal and as a file."""

    text: Annotated[str, Output("Literal")]
    file: Annotated[File, Output("File", formats=[Format(media_type="text/plain")])]


def _both(text: str) -> Both:
    return {"text": text, "file": text}  # type: ignore[typeddict-item] # text will do for a file


@process
def say(text: str, seconds: float) -> Both:
    """Say it again, after a while."""
    time.sleep(seconds)
    return _both(text)


@process
def tell(text: str, seconds: float) -> Both:
    """Say it again, and print it too: the log stays when the rest is cleaned away."""
    print("told", text)
    time.sleep(seconds)
    return _both(text)


@process
def refuse(text: str, seconds: float) -> Both:
    """Fail as authors do."""
    time.sleep(seconds)
    raise ProcessError(f"refused {text}")


@process
def crash(text: str, seconds: float) -> Both:
    """Die of a signal, with a child."""
    time.sleep(seconds)
    if os.fork() == 0:
        time.sleep(600)
    ctypes.string_at(0)  # a signal that it sends itself the first process of a namespace does not get
    return _both(text)


@process(limits=Limits(memory="64MiB"))
def devour(text: str, seconds: float) -> Both:
    """Take more memory than there is."""
    time.sleep(seconds)
    taken = []
    while len(taken) < 64:
        taken.append(b"x" * (16 << 20))
    return _both(text)


@process(limits=Limits(time=0.7))
def dawdle(text: str, seconds: float) -> Both:
    """Take longer than there is time."""
    time.sleep(600 + seconds)
    return _both(text)


@process
def desert(text: str, seconds: float) -> Both:
    """Succeed, and leave a daemon behind that hears no request to end."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
    time.sleep(seconds)
    return _both(text)


@process
def linger(text: str, seconds: float) -> Both:
    """Wait with a child and a deaf grandchild, as long as one is told to."""
    if os.fork() == 0:
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        os._exit(0)
    time.sleep(seconds)
    return _both(text)
