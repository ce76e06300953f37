"""Descriptions of processes, free of any protocol."""

from dataclasses import dataclass, field
from enum import StrEnum

from cloche.model.domains import Domain
from cloche.model.limits import Limits


class JobControl(StrEnum):
    """How a process may be executed (WPS 2.0 Table 29, Part 1 ``jobControlOptions``)."""

    SYNC = "sync-execute"
    ASYNC = "async-execute"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A link to more about a process or a parameter (``ows:Metadata``)."""

    title: str
    href: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """Title and abstract in another language (RFC 5646 tag)."""

    language: str
    title: str
    abstract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An input or an output. ``max_occurs`` None is unbounded; an output occurs once."""

    id: str
    title: str
    domain: Domain
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    translations: tuple[Translation, ...] = ()
    min_occurs: int = 1
    max_occurs: int | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessDescription:
    """Everything that clients may know of a process, and the limits its author asks for.

    ``mode`` overrides the server's processing mode; ``parallel`` caps its concurrent executions; ``network`` says that
    it needs one.
    """

    id: str
    version: str
    title: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    translations: tuple[Translation, ...] = ()
    job_control: tuple[JobControl, ...] = (JobControl.SYNC, JobControl.ASYNC, JobControl.DISMISS)
    limits: Limits = field(default_factory=Limits)
    mode: str | None = None
    parallel: int | None = None
    network: bool = False

    def input(self, id: str) -> Parameter | None:
        """The input of that identifier."""
        return next((p for p in self.inputs if p.id == id), None)

    def output(self, id: str) -> Parameter | None:
        """The output of that identifier."""
        return next((p for p in self.outputs if p.id == id), None)
