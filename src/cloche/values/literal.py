"""Literal data against its domain (WPS 1.0.0 clause 9.3.2, WPS 2.0 clause 7.3)."""

import re
from dataclasses import replace

from cloche.model.data import LiteralData
from cloche.model.domains import Datatype, LiteralDomain
from cloche.model.errors import WrongInputData
from cloche.model.process import ProcessDescription
from cloche.values import lexical, ranges

_INTEGERS = {
    "integer", "int", "long", "short", "byte", "nonnegativeinteger", "positiveinteger", "nonpositiveinteger",
    "negativeinteger", "unsignedlong", "unsignedint", "unsignedshort", "unsignedbyte",
}  # fmt: skip
_NAMES: dict[Datatype, set[str]] = {
    Datatype.STRING: {"string", "normalizedstring", "token", "str", "text"},
    Datatype.INTEGER: _INTEGERS,
    # every integer is a double: a client that says so agrees
    Datatype.FLOAT: {"double", "float", "decimal", "number", "real"} | _INTEGERS,
    Datatype.BOOLEAN: {"boolean", "bool"},
    Datatype.DATE: {"date"},
    Datatype.TIME: {"time"},
    Datatype.DATETIME: {"datetime", "datetimestamp"},
    Datatype.ANY_URI: {"anyuri", "uri", "url"},
}


def parse(text: str, domain: LiteralDomain, locator: str, *, uom: str = "", datatype: str = "") -> LiteralData:
    """The value in canonical form with its unit.

    ``uom`` empty means the first unit; ``datatype`` is what the client says of the type: it may agree with the
    domain's, never replace it. Raises WrongInputData.
    """
    if datatype and not agrees(datatype, domain.datatype):
        raise WrongInputData(
            f"Input {locator} has data type {domain.datatype.value}, not {quote(datatype)}.", locator=locator
        )
    try:
        item = lexical.value(text, domain.datatype)
    except ValueError as error:
        raise WrongInputData(f"Input {locator}: {quote(text)} is not right: {error}.", locator=locator) from None
    if not ranges.allowed(item, domain):
        raise WrongInputData(
            f"Input {locator}: {quote(text)} is not allowed. Allowed: {ranges.describe(domain)}.", locator=locator
        )
    return LiteralData(
        value=lexical.write(item, domain.datatype), datatype=domain.datatype.value, uom=unit(uom, domain, locator)
    )


def unit(uom: str, domain: LiteralDomain, locator: str) -> str:
    """The unit to use: the one asked for, or the first. Raises WrongInputData."""
    wanted = uom.strip()
    if not wanted:
        return domain.units[0] if domain.units else ""
    if wanted not in domain.units:
        allowed = ", ".join(domain.units) if domain.units else "none, it has no unit"
        raise WrongInputData(f"{locator}: unit {quote(wanted)} is not supported. Allowed: {allowed}.", locator=locator)
    return wanted


def agrees(name: str, datatype: Datatype) -> bool:
    """Whether a client's name of a data type (``xs:double``, a URI, a URN, in any case) is that datatype."""
    return re.split(r"[:#/]", name.strip())[-1].lower() in _NAMES[datatype]


def typed(data: LiteralData, output: str, description: ProcessDescription | None) -> LiteralData:
    """A literal output with the data type that its process says it has, where it brings none."""
    parameter = description.output(output) if description is not None else None
    if data.datatype or parameter is None or not isinstance(parameter.domain, LiteralDomain):
        return data
    return replace(data, datatype=parameter.domain.datatype.value)


def quote(text: str) -> str:
    """What a client wrote, short enough and fit for a message."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:60])
    return f'"{shown}…"' if len(text) > 60 else f'"{shown}"'
