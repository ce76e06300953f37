"""What is published."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cloche.model.process import ProcessDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A process with the package that it comes from.

    Not ``available``: the package has been broken since it was described; what is published is the same.
    """

    description: ProcessDescription
    package: str
    available: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageProblem:
    """A package that cannot be described as it is now; ``error`` is for operators."""

    package: str
    error: str


class Catalog(Protocol):
    """Descriptions as data. Answers come from memory; a refresh happens behind it."""

    def processes(self) -> Sequence[Published]:
        """All, ordered by identifier."""
        ...

    def get(self, id: str) -> Published:
        """Raises NoSuchProcess."""
        ...

    def problems(self) -> Sequence[PackageProblem]:
        """Packages whose processes cannot be executed, with their errors."""
        ...

    def version(self) -> int:
        """Grows whenever what is published changes (``updateSequence``)."""
        ...
