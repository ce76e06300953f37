"""What the operator wants of the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta


def _no_limits() -> Mapping[str, int]:
    return {}


def _no_network(_process: str) -> bool:
    return False


def _no_image(_process: str) -> str | None:
    return None


def _any_size(_process: str, _input: str) -> int | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``parallel`` jobs run at once; ``per_process`` caps some processes further (asked at every claim).

    ``network`` says whether a process needs one, ``image`` which container image of its own it has;
    ``input_bytes(process, input)`` caps one referenced input.
    ``remote`` names executors whose tasks outlive this host and whose back-end may answer late.
    ``poll`` is the floor below pushes. ``lost_after``: an execution that is gone without an ``exit.json`` is lost then.
    ``stop_grace`` passes between asking for an end and forcing it. ``keep_results`` None keeps them for ever;
    ``keep_workdir`` keeps inputs and work files as well.
    """

    parallel: int
    per_process: Callable[[], Mapping[str, int]] = _no_limits
    network: Callable[[str], bool] = _no_network
    image: Callable[[str], str | None] = _no_image
    input_bytes: Callable[[str, str], int | None] = _any_size
    remote: frozenset[str] = frozenset()
    poll: timedelta = timedelta(seconds=0.25)
    lost_after: timedelta = timedelta(seconds=5)
    stop_grace: timedelta = timedelta(seconds=1)
    keep_results: timedelta | None = None
    keep_workdir: bool = False
