"""Literal types of authors: to a domain, and values to and from canonical text."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Literal, SupportsFloat, get_args, get_origin

from cloche.authoring.errors import DeclarationError, WrongData
from cloche.model.domains import Datatype, LiteralDomain
from cloche.values import lexical


class AnyURI(str):
    """A URI."""

    __slots__ = ()


class Measure(float):
    """A number with its unit of measure."""

    __slots__ = ("uom",)
    uom: str

    def __new__(cls, value: SupportsFloat | str, uom: str = "") -> "Measure":
        self = super().__new__(cls, value)
        self.uom = uom
        return self

    def __repr__(self) -> str:
        return f"Measure({float(self)!r}, {self.uom!r})"

    def __getnewargs__(self) -> tuple[float, str]:  # type: ignore[override]  # float's own takes one
        return float(self), self.uom


DATATYPES: Mapping[type, Datatype] = {
    str: Datatype.STRING,
    int: Datatype.INTEGER,
    float: Datatype.FLOAT,
    bool: Datatype.BOOLEAN,
    date: Datatype.DATE,
    time: Datatype.TIME,
    datetime: Datatype.DATETIME,
    AnyURI: Datatype.ANY_URI,
    Measure: Datatype.FLOAT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralKind:
    """A literal parameter of Python type ``python``.

    ``choices`` maps canonical texts to the members of an Enum or Literal; ``factors`` alternative units to how many
    default units one of them is.
    """

    domain: LiteralDomain
    python: type
    choices: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)

    def receive(self, text: str, uom: str) -> Any:
        """The Python value of canonical text. Raises WrongData."""
        if self.choices:
            return self.choices[text]
        item = lexical.value(text, self.domain.datatype)
        if self.python is AnyURI:
            return AnyURI(item)
        if self.python is Measure:
            return Measure(self._number(item), uom or next(iter(self.domain.units), ""))
        return self._convert(item, uom)

    def _convert(self, item: Any, uom: str) -> Any:
        if (factor := self.factors.get(uom)) is None:
            return item
        number = self._number(item) * factor
        if self.python is int and not number.is_integer():
            raise WrongData(f"{item} {uom} is no whole number of {self.domain.units[0]}")
        return int(number) if self.python is int else number

    @staticmethod
    def _number(item: Any) -> float:
        return float(item)

    def deliver(self, value: Any, uom: str) -> tuple[str, str]:
        """Canonical text and unit of what the author returned, in the unit asked for. Raises TypeError, ValueError."""
        for text, member in self.choices.items():
            if member is value or (type(member) is type(value) and member == value):
                return text, uom
        if self.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(self.choices)}")
        if isinstance(value, Measure):
            return to_text(float(value), Datatype.FLOAT), value.uom or uom
        if factor := self.factors.get(uom):
            return to_text(value / factor, self.domain.datatype), uom
        return to_text(value, self.domain.datatype), uom


def to_text(value: Any, datatype: Datatype) -> str:
    """Canonical text of a Python value; numbers of other libraries count as what they are.

    Raises TypeError or ValueError, never guesses: 2.5 is no integer, and "2" is no number.
    """
    item = value.item() if hasattr(value, "item") and not isinstance(value, _PLAIN) else value
    if not isinstance(item, _ACCEPTED[datatype]) or (
        isinstance(item, bool) and datatype is not Datatype.BOOLEAN  # True is an int to Python
    ):
        raise TypeError(f"{value!r} is not {_NAMES[datatype]}")
    if datatype is Datatype.DATE and isinstance(item, datetime):
        raise TypeError(f"{value!r} is not {_NAMES[datatype]}")
    if datatype is Datatype.INTEGER:
        return str(operator.index(item))
    return lexical.canonical(lexical.write(item, datatype), datatype)


_PLAIN = (str, int, float, bool, date, time)
_ACCEPTED: Mapping[Datatype, Any] = {
    Datatype.STRING: str,
    Datatype.INTEGER: int,
    Datatype.FLOAT: int | float,
    Datatype.BOOLEAN: bool,
    Datatype.DATE: date,
    Datatype.TIME: time,
    Datatype.DATETIME: datetime,
    Datatype.ANY_URI: str,
}
_NAMES: Mapping[Datatype, str] = {
    Datatype.STRING: "a str",
    Datatype.INTEGER: "an int",
    Datatype.FLOAT: "a float",
    Datatype.BOOLEAN: "a bool",
    Datatype.DATE: "a date",
    Datatype.TIME: "a time",
    Datatype.DATETIME: "a datetime",
    Datatype.ANY_URI: "a URI",
}


def choices_of(hint: Any) -> tuple[type, dict[str, Any]] | None:
    """The plain type and the members by canonical text of a Literal or Enum; None for other hints.

    Members of an Enum go by their values where these are literals of one type, by their names otherwise.
    Raises DeclarationError.
    """
    if get_origin(hint) is Literal:
        values = get_args(hint)
        python = _common(values)
        if python is None:
            raise DeclarationError(f"{hint} mixes types; the choices are all str, all int, or all bool")
        return python, {to_text(value, DATATYPES[python]): value for value in values}
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = list(hint)
        if not members:
            raise DeclarationError(f"{hint.__name__} has no members")
        python = _common([member.value for member in members])
        if python is None:
            return str, {member.name: member for member in members}
        return python, {to_text(member.value, DATATYPES[python]): member for member in members}
    return None


def _common(values: Any) -> type | None:
    kinds = {next((known for known in (bool, str, int, float) if type(value) is known), None) for value in values}
    return kinds.pop() if len(kinds) == 1 else None


def inside(text: str, domain: LiteralDomain) -> bool:
    """Whether a canonical text lies in the domain."""
    from cloche.values import ranges

    return ranges.allowed(lexical.value(text, domain.datatype), domain)
