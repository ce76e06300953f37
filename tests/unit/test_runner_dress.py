"""The dress rehearsal shows executions their way and leaves nothing behind."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cloche.jobdir.orders import Level
from cloche.runner import dress, zygote
from cloche.runner.walls import raising


def walls() -> raising.Walls:
    return raising.Walls(level=Level.PROCESS, uid=os.getuid(), gid=os.getgid())


def state() -> tuple[object, ...]:
    limits = [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]
    return (
        Path.cwd(),
        dict(os.environ),
        sorted(path.name for path in Path("/proc/self/fd").iterdir()),
        signal.getsignal(signal.SIGTERM),
        limits,
        Path("/proc/self/mounts").read_text(),
    )


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_nothing_is_left_of_it(handler: signal.Handlers) -> None:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        was = state()
        dress.rehearse(walls())
        assert state() == was
    finally:
        signal.signal(signal.SIGTERM, before)


SHOW = """
from cloche.model import codec
from cloche.runner import call, dress
from cloche.runner.walls import raising
from cloche.jobdir.orders import Level
import sys
if sys.argv[1] == "rehearsed":
    dress.rehearse(raising.Walls(level=Level.PROCESS, uid=0, gid=0))
else:
    call.prepare()
before = codec._encoder.cache_info().misses, codec._decoder.cache_info().misses
dress._execute()
after = codec._encoder.cache_info().misses, codec._decoder.cache_info().misses
print(after[0] - before[0], after[1] - before[1])
"""


@pytest.mark.parametrize(("what", "found_out"), [("rehearsed", False), ("not", True)])
def test_an_execution_finds_out_nothing_that_was_rehearsed(what: str, found_out: bool) -> None:
    done = subprocess.run([sys.executable, "-c", SHOW, what], capture_output=True, text=True, check=True)
    assert any(int(number) for number in done.stdout.split()) is found_out, done.stdout


def test_zygotes_rehearse() -> None:
    package = Path(__file__).parents[1] / "isolation" / "whispers.py"
    assert zygote.load(str(package)).rehearse is dress.rehearse
