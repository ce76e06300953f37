"""Inputs of an execute request (clause 7.11.2.1): each value in one of its forms becomes data of the model."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from cloche.model.data import BoundingBoxData, ComplexData, Input, InputData, LiteralData, ReferenceData
from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Datatype, LiteralDomain
from cloche.model.errors import InputError, SizeExceeded, TooManyInputs
from cloche.model.formats import Format
from cloche.model.process import Parameter
from cloche.protocols._http.base64_sink import Base64Sink
from cloche.protocols._http.deposit import Deposit
from cloche.protocols.ogcapi import media
from cloche.protocols.ogcapi.checks import Check, wrong
from cloche.protocols.ogcapi.forms import Value, taken_apart
from cloche.protocols.ogcapi.strings import pieces
from cloche.values import formats

LONGEST_LITERAL = 4 << 20
_WHOLE = re.compile(r"-?[0-9]+(\.0+)?")


class InputReader:
    """Reads the values of one request; files go to its ``deposit``."""

    def __init__(self, deposit: Deposit) -> None:
        self._deposit = deposit

    def read(self, parameter: Parameter, check: Check, given: Value) -> Iterator[Input]:
        """Every occurrence. Raises InputError with the input's identifier as locator, Refused."""
        try:
            for occurrence in _occurrences(parameter, given):
                yield Input(id=parameter.id, data=self._data(parameter, check, occurrence))
        except InputError as error:
            if error.locator != parameter.id:
                raise type(error)(f"Input {parameter.id}: {error.text}", locator=parameter.id) from error
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise wrong(parameter.id, "the value is not well-formed.") from None

    def _data(self, parameter: Parameter, check: Check, given: Value) -> InputData:
        found = taken_apart(given, check.own)
        if isinstance(found, ReferenceData):
            return found
        match parameter.domain:
            case LiteralDomain() as domain:
                return _literal(parameter.id, domain, check, found)
            case BoundingBoxDomain():
                return _box(check, found)
            case ComplexDomain() as domain:
                return self._complex(parameter.id, domain, check, found)

    def _complex(self, id: str, domain: ComplexDomain, check: Check, given: Value) -> ComplexData:
        chosen = _format(id, domain, given)
        if media.is_json(chosen.media_type):
            return self._json(check, given, chosen)
        if given.first != '"':
            raise wrong(id, f"a value of format {formats.show(chosen)} is a text.")
        if _in_base64(chosen):
            return self._bytes(given, chosen)
        if chosen.media_type in check.media_types:
            check(given.decoded(), given.pointer)
        return self._store(pieces(given.raw), chosen)

    def _json(self, check: Check, given: Value, format: Format) -> ComplexData:
        """As it stands. A text may also be a document written out, or in base64, as its encoding says."""
        if given.first == '"' and format.encoding.lower() in media.WIRE:
            return self._bytes(given, format)
        if given.first == '"' and check.accepts(given.decoded()) is not True:
            text = given.decoded()
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                document = text
            if isinstance(document, dict | list):
                check(document, given.pointer)
                return self._store(iter((text,)), format)
        check(given.decoded(), given.pointer)
        self._deposit.check(len(given.raw))
        name, file = self._deposit.create()
        with file:
            file.write(given.raw)
        return ComplexData(file=name, format=format, size=len(given.raw))

    def _bytes(self, given: Value, format: Format) -> ComplexData:
        name, file = self._deposit.create()
        with file:
            sink = Base64Sink(self._deposit, file, gzip=format.encoding.lower() == "gzip")
            for piece in pieces(given.raw):
                sink.write(piece, verbatim=True)
            size = sink.close()
        return ComplexData(file=name, format=format, size=size)

    def _store(self, texts: Iterator[str], format: Format) -> ComplexData:
        name, file = self._deposit.create()
        size = 0
        with file:
            for text in texts:
                data = text.encode()
                size += len(data)
                self._deposit.check(size)
                file.write(data)
        return ComplexData(file=name, format=format, size=size)


def _occurrences(parameter: Parameter, given: Value) -> list[Value]:
    """An array of values where several may be; one value may also stand alone (CHECKLIST D 5)."""
    if parameter.max_occurs == 1 or given.first != "[":
        return [given]
    found = given.items()
    if parameter.max_occurs is not None and len(found) > parameter.max_occurs:
        text = f"Input {parameter.id} takes at most {parameter.max_occurs} values; {len(found)} given."
        raise TooManyInputs(text, locator=parameter.id)
    return found


def _literal(id: str, domain: LiteralDomain, check: Check, given: Value) -> LiteralData:
    if len(given.raw) > LONGEST_LITERAL:
        raise SizeExceeded(f"Input {id} is larger than {LONGEST_LITERAL} bytes.", locator=id)
    item = given.decoded()
    if domain.datatype is Datatype.INTEGER and isinstance(item, float) and item.is_integer():
        item = int(item)  # JSON knows one kind of numbers, draft 4 of its schema two
    check(item, given.pointer)
    if not isinstance(item, dict):
        return LiteralData(value=_lexical(item, str(given.raw, "utf-8"), domain.datatype))
    measured = given.members()["measurement"]
    text = _lexical(item["measurement"], bytes(measured).decode().strip(), domain.datatype)
    return LiteralData(value=text, uom=item["uom"])


def _lexical(item: Any, raw: str, datatype: Datatype) -> str:
    """As XML Schema writes it: a number to the digit as the client wrote it."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return item
    if datatype is Datatype.INTEGER:
        return raw.partition(".")[0] if _WHOLE.fullmatch(raw) else str(int(item))
    return raw


def _box(check: Check, given: Value) -> BoundingBoxData:
    item = given.decoded()
    check(item, given.pointer)
    corners = tuple(float(number) for number in item["bbox"])
    half = len(corners) // 2
    return BoundingBoxData(lower=corners[:half], upper=corners[half:], crs=item.get("crs", ""))


def _format(id: str, domain: ComplexDomain, given: Value) -> Format:
    """What the request says, else the first that can hold such a value. Raises WrongInputData, NoSuchFormat."""
    said = given.format
    if said.media_type or said.schema:
        found = formats.match(said, domain.formats, id)
        return Format(media_type=found.media_type, encoding=said.encoding or found.encoding, schema=found.schema)
    texts = [known for known in domain.formats if not media.is_json(known.media_type)]
    documents = [known for known in domain.formats if media.is_json(known.media_type)]
    if given.first == '"':
        found = texts[0] if texts else documents[0]
    elif documents:
        found = documents[0]
    else:
        allowed = "; ".join(formats.show(known) for known in domain.formats)
        raise wrong(id, f"a text, or a link, is expected. Formats: {allowed}.")
    return Format(media_type=found.media_type, encoding=said.encoding or found.encoding, schema=found.schema)


def _in_base64(format: Format) -> bool:
    return format.encoding.lower() in media.WIRE or media.is_binary(format.media_type)
