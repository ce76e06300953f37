"""A job: one execution of one process."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cloche.model.data import Output
from cloche.model.execute import Execute
from cloche.model.limits import Limits
from cloche.model.state import State, Wanted

JobId = str


class FailureKind(StrEnum):
    """Why a job failed; decides the code that each protocol answers with."""

    PROCESS = "process"  # the author raised ProcessError: the text is for the client
    INPUT = "input"  # a value that only the process could judge is wrong; locator names the input
    REFERENCE = "reference"  # referenced data could not be had; locator names the input
    LIMIT = "limit"  # a limit was exceeded: the text names it
    CRASH = "crash"  # any other exception, signal or exit code
    LOST = "lost"  # no evidence of an end: the host or the supervisor died
    INTERNAL = "internal"  # Cloche itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The reason of a failed job, in words fit for the client."""

    kind: FailureKind
    text: str
    locator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an execution used: seconds and bytes; None where it could not be measured."""

    cpu_s: float | None = None
    wall_s: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of the store. ``request`` is resolved: every default filled in, every output named with a full format.

    ``handle`` is the executor's own text; ``version`` counts moves and guards compare-and-swap.
    ``position`` orders the queue. Times are aware, UTC.
    """

    id: JobId
    process: str
    process_version: str
    package: str
    executor: str
    request: Execute
    limits: Limits
    created: datetime
    updated: datetime
    state: State = State.ACCEPTED
    wanted: Wanted = Wanted.RUN
    started: datetime | None = None
    finished: datetime | None = None
    expires: datetime | None = None
    progress: int = 0
    message: str = ""
    failure: Failure | None = None
    outputs: tuple[Output, ...] = ()
    usage: Usage | None = None
    handle: str = ""
    worker: str = ""
    attempt: int = 0
    version: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's append-only history."""

    job: JobId
    number: int
    time: datetime
    state: State
    text: str = ""
