"""What subscribers are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cloche.model.job import Job
from cloche.model.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The body of a callback; ``chunks`` may be read once."""

    media_type: str
    chunks: Iterator[bytes]


class Messages(Protocol):
    """Writes messages in the words of the protocol that the subscriber came with."""

    def message(self, job: Job, state: State) -> Message:
        """About the job's move to ``state``; it may have gone on since. Raises ClocheError."""
        ...
