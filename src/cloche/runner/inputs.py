"""Inputs of a task as the Python values that process code gets."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloche.authoring.arguments import Argument, Inside
from cloche.authoring.boxes import BoxKind
from cloche.authoring.complexes import ComplexKind
from cloche.authoring.document import is_json
from cloche.authoring.errors import WrongData
from cloche.authoring.literals import LiteralKind
from cloche.authoring.process import Process
from cloche.authoring.wellformed import read_xml
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import TaskRecord
from cloche.model.data import BoundingBoxData, ComplexData, Input, InputData, LiteralData
from cloche.model.formats import Format
from cloche.model.process import SEPARATOR, is_number
from cloche.runner.failures import InputFault
from cloche.values import boxes, literal

MAX_REFERENCED_BYTES = 1 << 20
"""Longest text of a literal or bounding box that comes as a file."""


def read(process: Process[..., Any], task: TaskRecord, layout: Layout) -> Mapping[str, Sequence[Any]]:
    """Values by identifier, occurrences in order. Raises InputFault, InputError."""
    return _read(process.arguments, [(item.id, item) for item in task.inputs], layout)


def _read(
    arguments: Sequence[Argument], items: Iterable[tuple[str, Input]], layout: Layout
) -> Mapping[str, Sequence[Any]]:
    """Of each item the path within the arguments is known, and the item itself."""
    known = {argument.parameter.id: argument for argument in arguments}
    values: dict[str, list[Any]] = {}
    nested: dict[str, list[tuple[str, Input]]] = {}
    for path, item in items:
        own, _, rest = path.partition(SEPARATOR)
        argument = known.get(own)
        if argument is None or bool(rest) != isinstance(argument.kind, Inside):
            raise InputFault(f"The process has no input {item.id}.", item.id)
        if rest:
            nested.setdefault(own, []).append((rest, item))
        else:
            values.setdefault(own, []).append(_given(argument, item, layout))
    built = {own: _built(known[own], inner, layout) for own, inner in nested.items()}
    return {**values, **built}


def _built(argument: Argument, items: Sequence[tuple[str, Input]], layout: Layout) -> list[Any]:
    """An instance of the author's class for each occurrence, in the order of their numbers."""
    assert isinstance(argument.kind, Inside)
    if argument.parameter.max_occurs == 1:
        return [argument.kind.build(_read(argument.kind.members, items, layout))]
    occurrences: dict[int, list[tuple[str, Input]]] = {}
    for path, item in items:
        number, _, rest = path.partition(SEPARATOR)
        if not is_number(number):
            raise InputFault(f"The process has no input {item.id}.", item.id)
        occurrences.setdefault(int(number), []).append((rest, item))
    members = argument.kind.members
    return [argument.kind.build(_read(members, occurrences[number], layout)) for number in sorted(occurrences)]


def _given(argument: Argument, item: Input, layout: Layout) -> Any:
    try:
        return _value(argument, item.id, item.data, layout)
    except WrongData as error:
        raise InputFault(f"Input {item.id}: {error.text}", item.id) from error


def _value(argument: Argument, locator: str, data: InputData, layout: Layout) -> Any:
    match argument.kind, data:
        case LiteralKind() as kind, LiteralData():
            return kind.receive(data.value, data.uom)
        case LiteralKind() as kind, ComplexData():
            text = _text(layout.inputs / data.file)
            known = literal.parse(_unwrapped(text), kind.domain, locator)
            return kind.receive(known.value, known.uom)
        case BoxKind() as kind, BoundingBoxData():
            return kind.receive(data.lower, data.upper, data.crs)
        case BoxKind() as kind, ComplexData():
            box = _box(layout.inputs / data.file, data.format, locator)
            known_box = boxes.check(box, kind.domain, locator)
            return kind.receive(known_box.lower, known_box.upper, known_box.crs)
        case ComplexKind() as kind, ComplexData():
            return kind.receive(layout.inputs / data.file, data.format, layout.work)
        case _:
            raise WrongData("it is of another kind than described")


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_REFERENCED_BYTES:
        raise WrongData(f"it is longer than {MAX_REFERENCED_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise WrongData("it is not UTF-8") from None


def _unwrapped(text: str) -> str:
    """Editors end files with a newline, which is no part of the value."""
    return text.removesuffix("\n").removesuffix("\r")


def _box(path: Path, format: Format, locator: str) -> BoundingBoxData:
    """A bounding box as JSON (OGC API), as XML (OWS) or as in KVP."""
    text = _text(path)
    if is_json(format) or text.lstrip().startswith("{"):
        return _box_of_json(text)
    if text.lstrip().startswith("<"):
        return _box_of_xml(path, text, locator)
    parts = [part.strip() for part in text.strip().split(",")]
    numbers = [part for part in parts if re.fullmatch(r"[-+0-9.eE]+", part)]
    rest = [part for part in parts if part not in numbers]
    if rest and len(numbers) % 2:
        numbers.pop()  # the number of dimensions, after the system
    half = len(numbers) // 2
    return BoundingBoxData(
        lower=boxes.corner(" ".join(numbers[:half]), locator),
        upper=boxes.corner(" ".join(numbers[half:]), locator),
        crs=rest[0] if rest else "",
    )


def _box_of_json(text: str) -> BoundingBoxData:
    try:
        document = json.loads(text)
        corners = tuple(float(number) for number in document["bbox"])
        crs = document.get("crs", "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise WrongData('it is not a bounding box such as {"bbox": [7, 51, 8, 52], "crs": "..."}') from None
    half = len(corners) // 2
    return BoundingBoxData(lower=corners[:half], upper=corners[half:], crs=crs if isinstance(crs, str) else "")


def _box_of_xml(path: Path, text: str, locator: str) -> BoundingBoxData:
    """``LowerCorner`` and ``UpperCorner`` of any version of OWS Common."""
    from xml.etree import ElementTree as ET

    read_xml(path)  # refuses document types, before anything is built
    root = ET.fromstring(text.encode())  # noqa: S314 - see above
    corners = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    owner = next((element for element in root.iter() if "crs" in element.attrib), root)
    return BoundingBoxData(
        lower=boxes.corner(corners.get("LowerCorner", ""), locator),
        upper=boxes.corner(corners.get("UpperCorner", ""), locator),
        crs=owner.attrib.get("crs", ""),
    )
