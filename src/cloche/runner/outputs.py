"""What process code returned as the outputs that the client asked for."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cloche.authoring.boxes import BoxKind
from cloche.authoring.complexes import ComplexKind
from cloche.authoring.errors import ProcessError
from cloche.authoring.literals import LiteralKind
from cloche.authoring.process import Process
from cloche.authoring.results import Result
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import BoundingBoxResult, FileResult, LiteralResult, ResultOutput, ResultValue, TaskRecord
from cloche.model.execute import OutputRequest
from cloche.model.process import SEPARATOR

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class WrongOutput(Exception):
    """The process did not return what it declares: a mistake of its author, told in the job's log."""


def write(process: Process[..., Any], task: TaskRecord, returned: Any, layout: Layout) -> Iterator[ResultOutput]:
    """The wanted outputs, files written below ``work/out``; an optional one that is None is left out.

    Raises WrongOutput, ProcessError, and what writing the files raises.
    """
    known = dict(_ways(process.results))
    for number, request in enumerate(task.outputs):
        if (way := known.get(request.id)) is None:
            raise WrongOutput(f"output {request.id} is not declared")
        if (value := _follow(way, returned)) is None:
            continue
        yield ResultOutput(id=request.id, value=_deliver(way[-1], value, request, layout, number))


def _ways(results: Sequence[Result], around: tuple[Result, ...] = ()) -> Iterator[tuple[str, tuple[Result, ...]]]:
    """Each output that gives data, under its path: the outputs that it is in, from the outermost on, and itself."""
    for result in results:
        way = (*around, result)
        if result.members:
            yield from _ways(result.members, way)
        else:
            yield SEPARATOR.join(step.parameter.id for step in way), way


def _follow(way: Sequence[Result], returned: Any) -> Any:
    value = returned
    for result in way:
        if (value := _find(result, value)) is None:
            return None
    return value


def file_name(id: str, number: int) -> str:
    """The stem of an output's file: readable, safe, and unlike that of every other output."""
    safe = _UNSAFE.sub("_", id)[:80].strip("_") or "output"
    return safe if safe == id else f"{safe}-{number}"


def _find(result: Result, returned: Any) -> Any:
    name = result.parameter.id
    try:
        value = result.find(returned)
    except (AttributeError, TypeError):
        raise WrongOutput(f"output {name}: {type(returned).__name__} was returned, which has none") from None
    if value is None and not result.optional:
        raise WrongOutput(f"output {name}: None was returned; declare it as X | None if it may be absent")
    return value


def _deliver(result: Result, value: Any, request: OutputRequest, layout: Layout, number: int) -> ResultValue:
    try:
        match result.kind:
            case LiteralKind() as kind:
                text, uom = kind.deliver(value, request.uom or next(iter(kind.domain.units), ""))
                return LiteralResult(value=text, uom=uom)
            case BoxKind() as kind:
                box = kind.deliver(value)
                return BoundingBoxResult(lower=box.lower, upper=box.upper, crs=box.crs)
            case ComplexKind() as kind:
                return _deliver_file(kind, value, request, layout.out, file_name(request.id, number))
            case None:
                raise WrongOutput(f"output {request.id} is made of outputs")
    except ProcessError as error:
        raise ProcessError(f"Output {request.id}: {error.text}") from error
    except (TypeError, ValueError) as error:
        raise WrongOutput(f"output {request.id}: {error}") from error


def _deliver_file(kind: ComplexKind, value: Any, request: OutputRequest, out: Path, name: str) -> FileResult:
    out.mkdir(exist_ok=True)
    path, written = kind.deliver(value, request.format or kind.domain.formats[0], out, name)
    return FileResult(file=path.relative_to(out).as_posix(), format=written)
