"""Descriptions of processes, free of any protocol."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cloche.model.domains import Domain
from cloche.model.limits import Limits

SEPARATOR = "/"
"""Between the steps of a path: the identifiers of groups from the outermost on, that of the parameter last.

The identifier of a group that may occur more than once is followed by the number of the occurrence, from 0: a path is a
JSON pointer into the inputs. Identifiers have no such character in them.
"""


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
class Described:
    """What clients may know of an input or an output. ``max_occurs`` None is unbounded; an output occurs once."""

    id: str
    title: str
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    translations: tuple[Translation, ...] = ()
    min_occurs: int = 1
    max_occurs: int | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Described):
    """An input or an output that takes data."""

    domain: Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Described):
    """An input made of inputs, or an output made of outputs (WPS 2.0 clause 8.3). Data has the group in its path."""

    parameters: tuple["Parameter | Group", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessDescription:
    """Everything that clients may know of a process, and the limits its author asks for.

    ``mode`` overrides the server's processing mode, ``image`` its container image; ``parallel`` caps its concurrent
    executions; ``network`` says that it needs one.
    """

    id: str
    version: str
    title: str
    inputs: tuple[Parameter | Group, ...]
    outputs: tuple[Parameter | Group, ...]
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    translations: tuple[Translation, ...] = ()
    job_control: tuple[JobControl, ...] = (JobControl.SYNC, JobControl.ASYNC, JobControl.DISMISS)
    limits: Limits = field(default_factory=Limits)
    mode: str | None = None
    image: str | None = None
    parallel: int | None = None
    network: bool = False

    def input(self, path: str) -> Parameter | None:
        """The input that takes data under that path, under which it is known."""
        return found(self.inputs, path)

    def output(self, path: str) -> Parameter | None:
        """The output that gives data under that path, under which it is known."""
        return found(self.outputs, path)

    def output_group(self, path: str) -> Group | None:
        """The output made of outputs that has that path."""
        outputs: tuple[Parameter | Group, ...] = self.outputs
        group: Group | None = None
        for step in path.split(SEPARATOR):
            inner = next((output for output in outputs if output.id == step), None)
            if not isinstance(inner, Group):
                return None
            group, outputs = inner, inner.parameters
        return group


def found(parameters: Iterable[Parameter | Group], path: str) -> Parameter | None:
    """The one that takes data under ``path``, with that path as its identifier."""
    own, _, rest = path.partition(SEPARATOR)
    parameter = next((p for p in parameters if p.id == own), None)
    if isinstance(parameter, Parameter):
        return None if rest else parameter
    if parameter is None or not rest:
        return None
    if parameter.max_occurs != 1:
        number, _, rest = rest.partition(SEPARATOR)
        if not is_number(number):
            return None
    inner = found(parameter.parameters, rest)
    return None if inner is None else replace(inner, id=path)


def leaves(parameters: Iterable[Parameter | Group], *, within: str = "", number: str = "") -> Iterator[Parameter]:
    """Those that take data, with their paths as identifiers.

    ``number`` stands for the step with the number of an occurrence.
    """
    for parameter in parameters:
        path = within + parameter.id
        if isinstance(parameter, Group):
            inside = path + SEPARATOR + (number if parameter.max_occurs != 1 else "")
            yield from leaves(parameter.parameters, within=inside, number=number)
        else:
            yield replace(parameter, id=path) if within else parameter


def is_number(step: str) -> bool:
    """Whether a step of a path is the number of an occurrence."""
    return step.isascii() and step.isdecimal() and len(step) < 7 and (step == "0" or step[0] != "0")
