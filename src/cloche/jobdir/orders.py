"""What an executor says to its zygote and to slots, over sockets that keep messages apart.

To the zygote: setup (one, first) -> report (one, with a memory file); then one message for every supervisor, which
names the kinds of the descriptors that come with it (its socket, control groups) -> SPAWNED with a pidfd, or a reason.

To a supervisor, in turns: an order with a letter -> DONE when the execution has ended and is recorded; the kinds of
control groups for the next execution, with their descriptors. A supervisor whose socket is closed ends when its
execution has. While it has an order, signals with a number and the turn queued: SIGTERM (milliseconds of grace) and
HOLD (``Hold``).

A container is a slot of its own: it says on standard output, a line each, that it is ready (``Ready``) and that the
task is its (``STARTED``); it gets its order as a line on standard input.
"""

import functools
import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import TypeVar

from cloche.model import codec
from cloche.model.codec import decode
from cloche.model.limits import Limits
from cloche.model.process import ProcessDescription

Message = TypeVar("Message")

MAX_MESSAGE_BYTES = 1 << 17
ORDER_BYTES = 1 << 10
MAX_LETTER_BYTES = 1 << 13
MAX_DESCRIPTORS = 12


class Level(StrEnum):
    """How strong the walls are."""

    PROCESS = "process"  # an own process, session and limits: no walls
    LANDLOCK = "landlock"  # Landlock, seccomp, no new privileges: where user namespaces are refused
    FULL = "full"  # namespaces and a read-only root as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a zygote is to be. Paths are absolute.

    ``jobs`` holds the job directories; ``search`` goes before Python's own path; ``readable`` is what executions
    may read beyond the system, Python and their package; ``hidden`` is what they may never see even where it lies
    below something readable. ``user`` is (uid, gid) to become when started by root.
    """

    package: str
    level: Level
    jobs: str
    search: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    user: tuple[int, int] | None = None
    network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What importing the package gave: its processes, or ``problem``; ``files`` are its source either way."""

    processes: tuple[ProcessDescription, ...] = ()
    files: tuple[str, ...] = ()
    problem: str = ""


class Controller(StrEnum):
    """What a control group's descriptor is."""

    PROCS = "procs"  # cgroup.procs or, in version 1, tasks, to be written: the execution joins each of them
    UNIFIED = "unified"  # a directory of version 2
    MEMORY = "memory"  # directories of version 1
    PIDS = "pids"
    CPU = "cpu"
    CPU_ACCOUNT = "cpuacct"
    FREEZE = "freeze"  # cgroup.freeze of a directory of version 2, open for writing
    FROZEN = "frozen"  # cgroup.procs of a group of version 1 in which everything stands still
    THAWED = "thawed"  # cgroup.procs of one in which it goes on


FROZEN_GROUP = "cloche-paused"
"""The name of the group that FROZEN opens."""
HOLDING = frozenset({Controller.FREEZE, Controller.FROZEN, Controller.THAWED})
"""What an execution is held still with; none of it has to be joined when it starts."""


class Hold(IntEnum):
    """Whether an execution is to stand still."""

    GO_ON = 0
    STILL = 1
    STILL_ON_TIME = 2  # its run time goes on meanwhile


HOLD = signal.SIGRTMIN
"""Queued signals of this kind come in the order they were sent, whatever came between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """See an execution through: what its supervisor has to know. The job directory's descriptor comes first with it.

    ``groups`` says what control groups' descriptors follow. ``turn`` numbers the orders of one supervisor. Which job it
    is stands in the ``Letter`` behind it, which is handed on unread: who supervises one job after the other must keep
    nothing of any.

    Its own encoding, not the codec's: it is read in processes just forked, where code that runs for the first time
    costs more than what it does.
    """

    limits: Limits
    groups: tuple[Controller, ...] = ()
    turn: int = 1

    def dump(self) -> bytes:
        """``ORDER_BYTES`` bytes."""
        data = json.dumps([_plain(self.limits), self.groups, self.turn]).encode()
        if len(data) > ORDER_BYTES:
            raise ValueError("the order is too long")
        return data.ljust(ORDER_BYTES)

    @staticmethod
    def load(data: bytes | bytearray) -> "Order":
        limits, groups, turn = json.loads(data)
        return Order(limits=Limits(**limits), groups=tuple(map(Controller, groups)), turn=turn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Run the task in the job directory ``jobdir``: what the execution has to know. Absolute path."""

    jobdir: str
    limits: Limits

    def dump(self) -> bytes:
        data = json.dumps([self.jobdir, _plain(self.limits)]).encode()
        if len(data) > MAX_LETTER_BYTES:
            raise ValueError("the path of the job directory is too long")
        return data

    @staticmethod
    def load(data: bytes) -> "Letter":
        jobdir, limits = json.loads(data)
        return Letter(jobdir=jobdir, limits=Limits(**limits))


@functools.lru_cache(64)  # the same few in order after order
def _plain(limits: Limits) -> dict[str, float | None]:
    return {field.name: getattr(limits, field.name) for field in fields(Limits)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A container has imported its package, or has failed to: ``problem``. ``version`` is Cloche's inside."""

    version: str
    level: Level = Level.PROCESS
    problem: str = ""


# what a container says once it has claimed the task
STARTED = b"started"

# what a zygote answers when it has forked a supervisor, with a pidfd of it; any other text is a refusal
SPAWNED = b"\0"

# what a supervisor says when it is ready for the next turn
DONE = b"done"


def supervisor_name(turn: int) -> bytes:
    """What a supervisor's process is called while it has the order of that turn."""
    return b"cloche %d" % turn


def dump_groups(groups: Sequence[Controller]) -> bytes:
    """The message that asks for a supervisor, or that it prepares its next execution."""
    return json.dumps(groups).encode()


def load_groups(data: bytes) -> tuple[Controller, ...]:
    """What ``dump_groups`` said."""
    return tuple(map(Controller, json.loads(data)))


def dump(message: object) -> bytes:
    """A message for the socket."""
    return codec.dump(message).encode()


def load(kind: type[Message], data: bytes) -> Message:
    """A message from the socket. Raises CodecError or ValueError."""
    return decode(kind, json.loads(data))
