"""A function that has been declared a process."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from cloche.authoring.arguments import Argument
from cloche.authoring.job import Job
from cloche.authoring.results import Result
from cloche.model.process import ProcessDescription

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, eq=False)
class Process(Generic[P, R]):
    """What ``@process`` makes of a function: still callable as it was, and described for clients.

    ``job_name`` is the parameter that takes the Job, if there is one.
    """

    function: Callable[P, R]
    description: ProcessDescription
    arguments: tuple[Argument, ...]
    results: tuple[Result, ...]
    job_name: str | None = None

    def __post_init__(self) -> None:
        # frozen keeps others from changing what is published, not the wrapper from being made
        self.__dict__.update({name: getattr(self.function, name) for name in functools.WRAPPER_ASSIGNMENTS})
        self.__dict__["__wrapped__"] = self.function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The function itself, with nothing checked or converted."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<process {self.description.id}>"

    def invoke(self, inputs: Mapping[str, Sequence[Any]], job: Job) -> Any:
        """Call the function with converted values by input identifier, every occurrence in order."""
        arguments = {item.name: item.gather(inputs.get(item.parameter.id, ())) for item in self.arguments}
        if self.job_name is not None:
            arguments[self.job_name] = job
        return self.function(**arguments)  # type: ignore[call-arg]  # by name, as the signature was read
