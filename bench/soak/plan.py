"""What is asked for: kinds of jobs, in what numbers, and what has to become of each."""

import random
from dataclasses import dataclass

from bench.soak.tongues import TONGUES, Request, Tongue
from cloche.model.job import FailureKind
from cloche.model.state import State

LONG_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """``wishes`` are made one after the other: ``running`` and ``paused`` wait until the job is so.

    ``failure`` and ``reason`` (with the job's own text for ``{}``) are those of a job that is to fail.
    """

    name: str
    process: str
    weight: int
    ends: State
    failure: FailureKind | None = None
    reason: str = ""
    wishes: tuple[str, ...] = ()
    seconds: tuple[float, float] = (0.0, 0.3)


_OUT_OF_MEMORY = {"failure": FailureKind.LIMIT, "reason": "memory limit of 64 MiB exceeded"}
_OUT_OF_TIME = {"failure": FailureKind.LIMIT, "reason": "run time limit of 0.7 s exceeded"}
_SEGMENT = {"failure": FailureKind.CRASH, "reason": "The process was killed by signal SIGSEGV."}
_REFUSED = {"failure": FailureKind.PROCESS, "reason": "refused {}"}
_LONG = (LONG_S, LONG_S)

KINDS = (
    Kind(name="succeeds", process="say", weight=28, ends=State.SUCCEEDED),
    Kind(name="succeeds and prints", process="tell", weight=8, ends=State.SUCCEEDED),
    Kind(name="fails by ProcessError", process="refuse", weight=8, ends=State.FAILED, **_REFUSED),
    Kind(name="crashes by SIGSEGV", process="crash", weight=8, ends=State.FAILED, **_SEGMENT),
    Kind(name="out of memory", process="devour", weight=6, ends=State.FAILED, **_OUT_OF_MEMORY),
    Kind(name="out of time", process="dawdle", weight=6, ends=State.FAILED, **_OUT_OF_TIME),
    Kind(name="leaves a daemon", process="desert", weight=8, ends=State.SUCCEEDED),
    Kind(
        name="dismissed at once", process="linger", weight=5, ends=State.DISMISSED, wishes=("dismiss",), seconds=_LONG
    ),
    Kind(
        name="dismissed while it runs",
        process="linger",
        weight=6,
        ends=State.DISMISSED,
        wishes=("running", "dismiss"),
        seconds=_LONG,
    ),
    Kind(
        name="dismissed while paused",
        process="linger",
        weight=5,
        ends=State.DISMISSED,
        wishes=("running", "pause", "paused", "dismiss"),
        seconds=_LONG,
    ),
    Kind(
        name="held back and dismissed",
        process="linger",
        weight=3,
        ends=State.DISMISSED,
        wishes=("pause", "dismiss"),
        seconds=_LONG,
    ),
    Kind(
        name="held back and resumed",
        process="say",
        weight=3,
        ends=State.SUCCEEDED,
        wishes=("pause", "resume"),
        seconds=(0.2, 0.5),
    ),
    Kind(
        name="paused and resumed",
        process="linger",
        weight=6,
        ends=State.SUCCEEDED,
        wishes=("running", "pause", "paused", "resume"),
        seconds=(0.5, 1.5),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A job to come. ``text`` is its own: it tells which job a request became."""

    text: str
    kind: Kind
    tongue: Tongue
    seconds: float
    waits: bool

    @property
    def request(self) -> Request:
        """It as it is asked for."""
        return Request(process=self.kind.process, text=self.text, seconds=self.seconds, waits=self.waits)

    def again(self, number: int) -> "Item":
        """The same as another request."""
        text = f"{self.text.partition('r')[0]}r{number}x"
        return Item(text=text, kind=self.kind, tongue=self.tongue, seconds=self.seconds, waits=self.waits)


def plan(jobs: int, seed: int) -> list[Item]:
    """A job of each kind at least where there are enough, mixed; the same for the same seed."""
    dice = random.Random(seed)
    rest = dice.choices(KINDS, [kind.weight for kind in KINDS], k=max(0, jobs - len(KINDS)))
    kinds = [*KINDS, *rest][:jobs]
    dice.shuffle(kinds)
    return [
        Item(
            text=f"soak{seed:x}n{number}x",
            kind=kind,
            tongue=dice.choice(TONGUES),
            seconds=round(dice.uniform(*kind.seconds), 3),
            waits=not kind.wishes and dice.random() < 0.2,
        )
        for number, kind in enumerate(kinds)
    ]


def deaths(jobs: int, kills: int, seed: int) -> list[tuple[int, float]]:
    """When the server is killed: after so many jobs were begun, and so many seconds later."""
    dice = random.Random(seed + 1)
    moments = sorted(dice.sample(range(min(3, jobs - 1), jobs), min(kills, jobs - 3)))
    return [(moment, dice.uniform(0, 0.6)) for moment in moments]
