"""Literal texts to and from canonical lexical form (XML Schema Part 2), and to Python values.

Whitespace is XML's: around anything but a string it is dropped, and digits are ASCII. An integer has no leading zeros,
a double is the shortest decimal that reads back the same, a moment keeps its zone (``Z`` for zero).
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from urllib.parse import urlsplit

from cloche.model.domains import Datatype
from cloche.values import temporal

LiteralValue = str | int | float | bool | date | time | datetime

MAX_DIGITS = 4300
"""Longest number: what Python converts without being told otherwise (``sys.int_info.default_max_str_digits``)."""

_SPACE = " \t\r\n"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NaN": math.nan}
_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_URI = re.compile(r"[\s\x00-\x1f\x7f<>\"]")


def canonical(text: str, datatype: Datatype) -> str:
    """The one way to write that value. Raises ValueError with a text for the client."""
    return write(value(text, datatype), datatype)


def value(text: str, datatype: Datatype) -> LiteralValue:
    """The Python value of a literal text, canonical or not. Raises ValueError with a text for the client."""
    if datatype is Datatype.STRING:
        return _string(text)
    return _READERS[datatype](text.strip(_SPACE))


def write(item: LiteralValue, datatype: Datatype) -> str:
    """The canonical text of a Python value of that datatype."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, date | time):
        return temporal.write(item)
    if isinstance(item, float) or datatype is Datatype.FLOAT:
        return _write_double(float(item))
    return str(item)


def double(text: str) -> float:
    """A number as XML Schema writes it. Raises ValueError."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if len(text) > MAX_DIGITS or not _DOUBLE.fullmatch(text):
        raise ValueError("a number such as 2.5 is expected")
    number = float(text)
    if math.isinf(number):
        raise ValueError("the number is too large for a double")
    return number


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("an integer such as 42 is expected")
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer of at most {MAX_DIGITS} digits is expected")
    return int(text)


def _boolean(text: str) -> bool:
    # "True" is what Python's clients make of a boolean
    flag = _BOOLEAN.get(text.lower())
    if flag is None:
        raise ValueError("true or false is expected")
    return flag


def _string(text: str) -> str:
    if found := _NOT_XML.search(text):
        raise ValueError(f"the character U+{ord(found[0]):04X} is not allowed in a text")
    return text


def _uri(text: str) -> str:
    if not text or _NOT_URI.search(text):
        raise ValueError("a URI without spaces is expected")
    try:
        urlsplit(text)
    except ValueError:
        raise ValueError("a well-formed URI is expected") from None
    return _string(text)


def _write_double(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "INF" if number > 0 else "-INF"
    return repr(number)


_READERS: dict[Datatype, Callable[[str], LiteralValue]] = {
    Datatype.INTEGER: _integer,
    Datatype.FLOAT: double,
    Datatype.BOOLEAN: _boolean,
    Datatype.DATE: temporal.read_date,
    Datatype.TIME: temporal.read_time,
    Datatype.DATETIME: temporal.read_datetime,
    Datatype.ANY_URI: _uri,
}
