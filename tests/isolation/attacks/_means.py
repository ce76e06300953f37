"""What all attacks use: attempts, and verdicts over them."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

from cloche.process import Input, Output

Facts = Annotated[str, Input("What is known of the victim, as JSON")]
Verdict = Annotated[str, Output("open or blocked, with the details")]

libc = ctypes.CDLL(None, use_errno=True)
REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS)


def attempt(name: str, act: Callable[[], object]) -> str:
    """``open name`` where ``act`` succeeds, ``blocked name (why)`` where it raises."""
    try:
        act()
    except OSError as error:
        return f"blocked {name} ({errno.errorcode.get(error.errno or 0, error)})"
    except (ValueError, TypeError, LookupError) as error:
        return f"blocked {name} ({type(error).__name__})"
    return f"open {name}"


def verdict(attempts: Iterable[str]) -> str:
    """``open`` if any of them is."""
    seen = list(attempts)
    assert seen, "an attack that tried nothing proves nothing"
    opened = [text for text in seen if text.startswith("open")]
    return f"{'open' if opened else 'blocked'}: {'; '.join(opened or seen)}"


def raw(name: str, *arguments: object) -> str:
    """A C function that returns a negative number on failure. Only a refusal counts as blocked."""
    ctypes.set_errno(0)
    result = getattr(libc, name)(*arguments)
    if result >= 0:
        return f"open {name}"
    code = ctypes.get_errno()
    return f"{'blocked' if code in REFUSALS else 'open'} {name} ({errno.errorcode.get(code, code)})"


def blocked_too(text: str, *codes: str) -> str:
    """``text`` with errors that are as good as a refusal: what is attacked is not there."""
    return text.replace("open", "blocked", 1) if any(f"({code})" in text for code in codes) else text


def called(number: int, *arguments: object) -> int:
    """A system call by its number. Raises OSError."""
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)


def reached(name: str, number: int, *arguments: object) -> str:
    """Whether a system call is answered by anything but a refusal: by success, or by an error from inside it."""
    try:
        called(number, *arguments)
    except OSError as error:
        return f"{'blocked' if error.errno in REFUSALS else 'open'} {name} ({errno.errorcode.get(error.errno or 0)})"
    return f"open {name}"


def read(path: str) -> str:
    """Read the beginning of a file."""

    def act() -> None:
        with Path(path).open("rb") as file:
            file.read(20)

    return attempt(path, act)
