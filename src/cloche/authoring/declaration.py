"""The decorator that declares a function to be a process."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypedDict, TypeVar, Unpack, get_type_hints, overload

from cloche.authoring import docstrings, limits
from cloche.authoring.annotations import Translations
from cloche.authoring.arguments import Argument, argument_of
from cloche.authoring.errors import DeclarationError
from cloche.authoring.job import Job
from cloche.authoring.parameters import check_unique, checked_id, links, translated, words
from cloche.authoring.process import Process
from cloche.authoring.results import results_of
from cloche.model.limits import Limits
from cloche.model.process import JobControl, Metadata, ProcessDescription

P = ParamSpec("P")
R = TypeVar("R")


class Options(TypedDict, total=False):
    """What ``@process(...)`` takes.

    ``id``: else the function's name. ``title``, ``abstract``: else the docstring's first paragraph and the rest.
    ``limits``: of one execution; ``mode``: instead of the server's processing mode; ``image``: instead of the server's
    container image, where the mode has one; ``parallel``: at most so many
    executions at once; ``network``: whether the process needs one. ``job_control``: else all of sync-execute,
    async-execute and dismiss.
    """

    id: str
    version: str
    title: str
    abstract: str
    keywords: Sequence[str]
    metadata: Sequence[Metadata]
    translations: Translations
    limits: limits.Limits
    mode: str
    image: str
    parallel: int
    network: bool
    job_control: Sequence[str]


@overload
def process(function: Callable[P, R], /) -> Process[P, R]: ...


@overload
def process(**options: Unpack[Options]) -> Callable[[Callable[P, R]], Process[P, R]]: ...


def process(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a function to be a process; its signature, annotations and docstring say all about it.

    Raises DeclarationError, at import, with the name of process and parameter.
    """
    if function is None:
        return lambda decorated: declare(decorated, options)
    return declare(function, options)


def declare(function: Callable[..., Any], options: dict[str, Any]) -> Process[..., Any]:
    """The process that a function is. Raises DeclarationError."""
    name = getattr(function, "__name__", repr(function))
    try:
        _check_function(function, options)
        return _declare(function, name, options)
    except DeclarationError as error:
        raise error.about(f"process {options.get('id') or name}") from None


def _declare(function: Callable[..., Any], name: str, options: dict[str, Any]) -> Process[..., Any]:
    hints = _hints(function)
    docs = docstrings.read(function.__doc__)
    arguments, job_name = _arguments(function, hints, docs)
    if "return" not in hints or hints["return"] is type(None):
        raise DeclarationError("the return annotation is missing: -> Annotated[Vector, Output(...)]")
    try:
        results = results_of(hints["return"], docs)
    except DeclarationError as error:
        raise error.about("return value") from None
    check_unique("inputs", [item.parameter.id for item in arguments])
    description = ProcessDescription(
        id=checked_id(options.get("id", name)),
        version=options.get("version", "1.0.0"),
        title=options.get("title") or docs.title or options.get("id", name),
        abstract=options.get("abstract") or docs.abstract,
        inputs=tuple(item.parameter for item in arguments),
        outputs=tuple(item.parameter for item in results),
        keywords=words(options.get("keywords", ())),
        metadata=links(options.get("metadata", ())),
        translations=translated(options.get("translations")),
        job_control=_job_control(options.get("job_control", tuple(JobControl))),
        limits=_limits(options.get("limits")),
        mode=options.get("mode"),
        image=options.get("image"),
        parallel=_parallel(options.get("parallel")),
        network=bool(options.get("network", False)),
    )
    return Process(function=function, description=description, arguments=arguments, results=results, job_name=job_name)


def _check_function(function: Callable[..., Any], options: dict[str, Any]) -> None:
    unknown = sorted(options.keys() - Options.__annotations__.keys())
    if unknown:
        raise DeclarationError(f"unknown option {unknown[0]}; there are: {', '.join(Options.__annotations__)}")
    if not inspect.isfunction(function):
        raise DeclarationError("only a function can be a process")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError("it is async; write def, and asyncio.run(...) inside")
    if inspect.isgeneratorfunction(function):
        raise DeclarationError("it is a generator; report progress with job.progress(...) and return the outputs")


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"annotation: {error}; annotations must be importable at module level") from None
    except TypeError as error:
        raise DeclarationError(f"annotation: {error}") from None


def _arguments(
    function: Callable[..., Any], hints: dict[str, Any], docs: docstrings.Docstring
) -> tuple[tuple[Argument, ...], str | None]:
    arguments, job_name = [], None
    for name, parameter in inspect.signature(function).parameters.items():
        if hints.get(name) is Job:
            if job_name is not None:
                raise DeclarationError(f"parameter {name}: there is a Job already: {job_name}")
            job_name = name
            continue
        try:
            arguments.append(argument_of(parameter, hints.get(name), docs.parameters.get(name, "")))
        except DeclarationError as error:
            raise error.about(f"parameter {name}") from None
    return tuple(arguments), job_name


def _job_control(names: Sequence[str]) -> tuple[JobControl, ...]:
    try:
        return tuple(JobControl(name) for name in names)
    except ValueError as error:
        raise DeclarationError(f"job_control: {error}") from None


def _limits(written: object) -> Limits:
    if written is None:
        return Limits()
    if not isinstance(written, limits.Limits):
        raise DeclarationError("limits is written Limits(memory=..., time=...)")
    return written.in_units()


def _parallel(count: object) -> int | None:
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise DeclarationError(f"parallel={count!r} is not a count above zero")
    return count
