"""Which limit ended an execution, in words."""

import signal

import pytest

from cloche.model.limits import Limits
from cloche.runner.breaches import NO_ROOM, Seen, Stopped, breach, show_seconds

LIMITS = Limits(
    memory=1 << 30, cpu_time=90, processes=64, run_time=600, file_size=1 << 20, scratch=1 << 31, open_files=10
)
KILL = int(signal.SIGKILL)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(code=0), ""),
        (Seen(code=1), ""),
        (Seen(code=-1, signal=KILL), ""),
        (Seen(code=-1, signal=KILL, stopped=Stopped.REQUEST, oom_kills=1), ""),
        (Seen(code=-1, signal=KILL, stopped=Stopped.RUN_TIME), "run time limit of 10 min exceeded"),
        (Seen(code=0, stopped=Stopped.RUN_TIME), "run time limit of 10 min exceeded"),
        (Seen(code=-1, signal=KILL, stopped=Stopped.SCRATCH), "work directory limit of 2 GiB exceeded"),
        (Seen(code=-1, signal=KILL, stopped=Stopped.FILES), "work directory limit of 200000 files exceeded"),
        (Seen(code=-1, signal=KILL, stopped=Stopped.PROCESSES), "process limit of 64 exceeded"),
        (Seen(code=-1, signal=KILL, stopped=Stopped.CPU_TIME), "CPU time limit of 1.5 min exceeded"),
        (Seen(code=-1, signal=KILL, oom_kills=1), "memory limit of 1 GiB exceeded"),
        (Seen(code=0, oom_kills=1), ""),  # it lost a child and managed
        (Seen(code=-1, signal=int(signal.SIGXCPU), cpu_s=90), "CPU time limit of 1.5 min exceeded"),
        (Seen(code=-1, signal=KILL, cpu_s=89.8), "CPU time limit of 1.5 min exceeded"),
        (Seen(code=-1, signal=KILL, cpu_s=10), ""),
        (Seen(code=-1, signal=int(signal.SIGXFSZ)), "file size limit of 1 MiB exceeded"),
        (Seen(code=1, largest_file=1 << 20), "file size limit of 1 MiB exceeded"),
        (Seen(code=NO_ROOM), "no space left on the server"),
        (Seen(code=1, denied_forks=3), "process limit of 64 exceeded"),
    ],
)
def test_a_breach_is_told_in_words(seen: Seen, words: str) -> None:
    assert breach(LIMITS, seen) == words


def test_without_limits_nothing_is_exceeded() -> None:
    assert breach(Limits(), Seen(code=-1, signal=KILL, cpu_s=1e9, largest_file=1 << 40)) == ""


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.3, "0.3 s"), (59, "59 s"), (60, "1 min"), (600, "10 min"), (5400, "1.5 h")]
)
def test_durations_are_shown_as_people_say_them(seconds: float, shown: str) -> None:
    assert show_seconds(seconds) == shown
