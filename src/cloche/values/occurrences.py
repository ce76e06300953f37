"""How often each input is given, group by group: the first thing that is checked of a request."""

from collections.abc import Iterable, Iterator, Mapping

from cloche.model.data import LiteralData
from cloche.model.domains import LiteralDomain
from cloche.model.errors import MissingInput, NoSuchInput, TooManyInputs, WrongInputData
from cloche.model.process import SEPARATOR, Group, Parameter, is_number
from cloche.values import literal

Parameters = Iterable[Parameter | Group]


def check(process: str, parameters: Parameters, paths: Iterable[str], *, within: str = "") -> None:
    """Raises NoSuchInput, TooManyInputs, MissingInput, WrongInputData; ``within`` is the path of the group."""
    given = branches(paths)
    known = {parameter.id: parameter for parameter in parameters}
    for own, rests in given.items():
        if own not in known:
            raise _unknown(process, known, within, own)
        parameter = known[own]
        if isinstance(parameter, Parameter):
            _check_data(process, parameter, rests, within + own)
    for own, parameter in known.items():
        if isinstance(parameter, Parameter):
            _check_enough(parameter, len(given.get(own, ())), within + own)
        else:
            _check_group(process, parameter, given.get(own, ()), within + own)


def absent(parameters: Parameters, paths: Iterable[str], *, within: str = "") -> Iterator[tuple[str, LiteralData]]:
    """The defaults of literals that are not given, under their paths; of groups that are given, those inside."""
    given = branches(paths)
    for parameter in parameters:
        if isinstance(parameter, Group):
            for start, rests in occurrences(parameter, given.get(parameter.id, ()), within + parameter.id).items():
                yield from absent(parameter.parameters, rests, within=start + SEPARATOR)
        elif parameter.id not in given and (default := default_of(parameter)) is not None:
            yield within + parameter.id, default


def branches(paths: Iterable[str]) -> dict[str, list[str]]:
    """What follows the first step of each path, by that step."""
    found: dict[str, list[str]] = {}
    for path in paths:
        own, _, rest = path.partition(SEPARATOR)
        found.setdefault(own, []).append(rest)
    return found


def occurrences(group: Group, rests: Iterable[str], path: str) -> dict[str, list[str]]:
    """The paths inside of each occurrence of a group, by the path of the occurrence. Raises NoSuchInput."""
    if group.max_occurs == 1:
        inside = list(rests)
        return {path: inside} if inside else {}
    numbered = branches(rests)
    for number in numbered:
        if not is_number(number):
            text = f"Input {path} may be given more than once: write the number of the occurrence, as in {path}/0/…"
            raise NoSuchInput(text, locator=path)
    return {f"{path}{SEPARATOR}{number}": numbered[number] for number in sorted(numbered, key=int)}


def default_of(parameter: Parameter) -> LiteralData | None:
    """The default of a literal parameter, if it has one."""
    domain = parameter.domain
    if not isinstance(domain, LiteralDomain) or domain.default is None:
        return None
    return literal.parse(domain.default, domain, parameter.id)


def _check_data(process: str, parameter: Parameter, rests: list[str], path: str) -> None:
    if any(rests):
        inner = path + SEPARATOR + next(filter(None, rests))
        raise NoSuchInput(f"Process {process} has no input {literal.quote(inner)}: {path} takes data.", locator=inner)
    _check_most(parameter, len(rests), path)


def _check_group(process: str, group: Group, rests: Iterable[str], path: str) -> None:
    rests = list(rests)
    if not all(rests):
        raise WrongInputData(f"Input {path} is made of inputs: {_names(group.parameters)}.", locator=path)
    found = occurrences(group, rests, path)
    _check_most(group, len(found), path)
    for start, inside in found.items():
        check(process, group.parameters, inside, within=start + SEPARATOR)
    _check_enough(group, len(found), path)


def _check_most(parameter: Parameter | Group, count: int, path: str) -> None:
    if parameter.max_occurs is not None and count > parameter.max_occurs:
        raise TooManyInputs(f"Input {path} takes at most {parameter.max_occurs} values; {count} given.", locator=path)


def _check_enough(parameter: Parameter | Group, count: int, path: str) -> None:
    if count >= parameter.min_occurs:
        return
    if not count and isinstance(parameter, Parameter) and default_of(parameter) is not None:
        return
    if parameter.min_occurs == 1:
        raise MissingInput(f"Input {path} is missing.", locator=path)
    raise MissingInput(f"Input {path} needs at least {parameter.min_occurs} values; {count} given.", locator=path)


def _unknown(process: str, known: Mapping[str, object], within: str, own: str) -> NoSuchInput:
    place = f" in {within.rstrip(SEPARATOR)}" if within else ""
    allowed = ", ".join(known) or "none"
    return NoSuchInput(
        f"Process {process} has no input {literal.quote(own)}{place}. Inputs: {allowed}.", locator=within + own
    )


def _names(parameters: Parameters) -> str:
    return ", ".join(parameter.id for parameter in parameters)
