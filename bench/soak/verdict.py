"""Whether what became of every job is what had to become of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from bench.soak.http import Line
from bench.soak.plan import Item
from bench.soak.records import stays
from cloche.model.job import Event, Job
from cloche.model.state import ENDED, TRANSITIONS, State


@dataclass(slots=True)
class Tally:
    """``ends`` counts by kind and by end; ``longest`` stay in each state in seconds.

    ``printed``: what must be in the log of a job.
    """

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    longest: dict[State, float] = field(default_factory=dict)
    succeeded: set[str] = field(default_factory=set)
    printed: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def tally(records: Iterable[tuple[Job, list[Event]]], asked: Mapping[str, Item], line: Line) -> Tally:
    """Judge every job; ``line`` leads to a server that is asked for the results."""
    made, unseen = Tally(), set(asked)
    for job, events in records:
        item = asked.get(job.id)
        unseen.discard(job.id)
        if item is None:
            made.problems.append(f"nobody asked for job {job.id}: {job.request.inputs}")
            continue
        end = f"{job.state}: {job.failure.kind}" if job.failure else str(job.state)
        made.ends[item.kind.name, end] += 1
        for state, seconds in stays(events).items():
            made.longest[state] = max(made.longest.get(state, 0.0), seconds)
        if job.state is State.SUCCEEDED:
            made.succeeded.add(job.id)
        if item.kind.process == "tell":
            made.printed[job.id] = f"told {item.text}\n"
        about = f"job {job.id} ({item.kind.name})"
        made.problems += (f"{about}: {problem}" for problem in _problems(job, events, item, line))
    made.problems += (f"job {job} ({asked[job].kind.name}) was accepted and is not there" for job in sorted(unseen))
    return made


def _problems(job: Job, events: list[Event], item: Item, line: Line) -> Iterator[str]:
    kind = item.kind
    states = [event.state for event in events]
    if [state for state in states if state in ENDED] != [job.state] or states[-1] is not job.state:
        yield f"did not end once: {states}"
    if any(to not in TRANSITIONS[at] for at, to in pairwise(states)):
        yield f"moved as it must not: {states}"
    if job.state is not kind.ends:
        yield f"is {job.state}, not {kind.ends}: {job.failure} {job.handle} {_history(events)}"
    elif job.state is State.FAILED:
        told = job.failure
        if told is None or (told.kind, told.text) != (kind.failure, kind.reason.format(item.text)):
            yield f"failed for another reason: {told} {_history(events)}"
    elif job.state is State.SUCCEEDED:
        answer = item.tongue.result(line, job.id)
        if answer.status != 200 or answer.text.count(item.text) < 2:
            yield f"its result cannot be read: {answer}"


def _history(events: list[Event]) -> str:
    return " ".join(f"{event.time:%H:%M:%S.%f}={event.state}" for event in events)
