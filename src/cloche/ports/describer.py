"""Who imports process packages in the server's stead."""

from dataclasses import dataclass
from typing import Protocol

from cloche.model.process import ProcessDescription


class PackageBroken(Exception):
    """The package could not be imported or described; the text is its error, for operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDescription:
    """The processes of a package and the state of its code that they were read from."""

    processes: tuple[ProcessDescription, ...]
    fingerprint: str


class Describer(Protocol):
    """Imports packages behind the walls and hands their descriptions over as data."""

    def describe(self, package: str) -> PackageDescription:
        """Import the package as its code is now. Raises PackageBroken."""
        ...

    def fingerprint(self, package: str) -> str:
        """The state of the package's code now: cheap, changes when a file of it does."""
        ...
