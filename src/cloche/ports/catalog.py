"""What is published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cloche.model.process import ProcessDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A process with the package that it comes from."""

    description: ProcessDescription
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageProblem:
    """A package that could not be described; ``error`` is for operators."""

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
        """Packages that are not served, with their errors."""
        ...

    def version(self) -> int:
        """Grows whenever what is published changes (``updateSequence``)."""
        ...
