"""Descriptions of a package's processes, as data for the server."""

from cloche.model.process import ProcessDescription
from cloche.runner.package import Package


def describe(package: Package) -> tuple[ProcessDescription, ...]:
    """The descriptions, ordered by identifier."""
    return tuple(process.description for process in package.processes.values())
