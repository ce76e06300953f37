"""Schemas of the files in a job directory."""

from dataclasses import dataclass, field

from cloche.model.data import Input
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import FailureKind, Usage
from cloche.model.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """``request.json``. Every input is literal, bounding box or complex (a file in ``in/``); every output is named
    with a full format. ``limits`` are those that the supervisor enforces.
    """

    job: str
    package: str
    process: str
    inputs: tuple[Input, ...]
    outputs: tuple[OutputRequest, ...]
    limits: Limits = field(default_factory=Limits)
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRecord:
    """``ctl/started.json``, created exclusively: who owns it runs the task, a second start finds it and gives way.

    ``pid`` and ``start_ticks`` (field 22 of ``/proc/PID/stat``) identify the supervisor; ``boot``
    is the kernel's boot id. ``turn`` says which of its executions it is; while it lasts the supervisor's process is
    named by ``supervisor_name``.
    """

    pid: int
    start_ticks: int
    boot: str
    turn: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    """``ctl/exit.json``, written last. ``ok`` needs exit code 0 and a ``result.json``; ``stopped``: it was asked to
    end, by whomever; ``breach`` names the exceeded limit in words for the client; ``message`` is for operators.
    """

    ok: bool
    code: int | None = None
    signal: int | None = None
    oom: bool = False
    timeout: bool = False
    stopped: bool = False
    breach: str = ""
    message: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralResult:
    """A literal output as user code claims it."""

    value: str
    uom: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundingBoxResult:
    """A bounding box output as user code claims it."""

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    crs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """A file output: a path below ``work/out``, relative to it."""

    file: str
    format: Format


ResultValue = LiteralResult | BoundingBoxResult | FileResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultOutput:
    """One output."""

    id: str
    value: ResultValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFailure:
    """What user code says of its own failure; ``kind`` may only be process, input, limit or crash."""

    kind: FailureKind
    text: str
    locator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecord:
    """``work/result.json``: outputs, or a failure."""

    outputs: tuple[ResultOutput, ...] = ()
    failure: ResultFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressRecord:
    """One line of ``work/progress.jsonl``: percent 0 to 100."""

    percent: int
    message: str = ""
