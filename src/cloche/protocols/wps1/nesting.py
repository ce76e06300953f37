"""Inputs made of inputs, for a version that has none: each that takes data stands alone, under its path (ADR 0014)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cloche.model.errors import NoSuchInput
from cloche.model.execute import Execute
from cloche.model.process import SEPARATOR, Group, Parameter, ProcessDescription, is_number


def flattened(
    parameters: Iterable[Parameter | Group], *, within: str = "", least: int = 1, most: int | None = 1
) -> Iterator[Parameter]:
    """What DescribeProcess shows; what is around multiplies how often each may be given."""
    for parameter in parameters:
        low, high = _times(parameter, least, most)
        if isinstance(parameter, Group):
            inside = within + parameter.id + SEPARATOR
            yield from flattened(parameter.parameters, within=inside, least=low, most=high)
        else:
            yield replace(parameter, id=within + parameter.id, min_occurs=low, max_occurs=high)


def _times(parameter: Parameter | Group, least: int, most: int | None) -> tuple[int, int | None]:
    bounded = most is not None and parameter.max_occurs is not None
    return least * parameter.min_occurs, (most or 1) * (parameter.max_occurs or 1) if bounded else None


def with_paths(request: Execute, description: ProcessDescription) -> Execute:
    """The request with inputs under their paths; one that has them already stays as it is. Raises NoSuchInput."""
    if not any(SEPARATOR in item.id for item in request.inputs):
        return request
    paths = numbered([item.id for item in request.inputs], description.inputs)
    inputs = tuple(replace(item, id=path) for item, path in zip(request.inputs, paths, strict=True))
    return replace(request, inputs=inputs)


def numbered(ids: Sequence[str], parameters: Sequence[Parameter | Group]) -> list[str]:
    """The paths that a client means by the identifiers that it was shown, in the order of ``ids``.

    Where a group may be given more than once, the n-th value of each input inside belongs to the n-th occurrence;
    a client that writes the numbers itself may leave inputs out. Raises NoSuchInput where they have to be written.
    """
    counts: Counter[str] = Counter()
    found = []
    for given in ids:
        found.append(_numbered(given, parameters, counts[given]) if SEPARATOR in given else given)
        counts[given] += 1
    return found


def _numbered(given: str, parameters: Sequence[Parameter | Group], number: int) -> str:
    """With ``number`` after the identifier of the group that wants one. What is not known is left as it is."""
    path: list[str] = []
    steps, missing, inside = given.split(SEPARATOR), 0, parameters
    while steps:
        step = steps.pop(0)
        path.append(step)
        parameter = next((known for known in inside if known.id == step), None)
        if not isinstance(parameter, Group):
            missing += parameter is not None and parameter.max_occurs != 1 and bool(missing)
            break
        inside = parameter.parameters
        if parameter.max_occurs != 1:
            if steps and is_number(steps[0]):
                path.append(steps.pop(0))
            else:
                path.append(str(number))
                missing += 1
    if missing > 1:
        text = f"Input {given[:200]}: write the number of each occurrence that it is in, from 0, after what occurs."
        raise NoSuchInput(text, locator=given)
    return SEPARATOR.join([*path, *steps])
