"""Inputs and outputs as they are written on the command line."""

import os
import shutil
from pathlib import Path

import click

from cloche.authoring.mediatypes import UNKNOWN, media_type_of, suffix_of
from cloche.model.data import BoundingBoxData, ComplexData, Input, InputData, LiteralData, ReferenceData
from cloche.model.domains import BoundingBoxDomain, ComplexDomain
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.process import Group, Parameter, ProcessDescription, found, leaves
from cloche.values.formats import match

REMOTE = ("http://", "https://", "file://")
ANY = Format(media_type="")
_IN_ZIP = (".shp", ".shx", ".dbf")


def pair(text: str, option: str) -> tuple[str, str]:
    """``name=value`` taken apart. Raises UsageError."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{option} {text!r}: write it as name=value")
    return name, value


def inputs(description: ProcessDescription, given: tuple[str, ...], folder: Path) -> tuple[Input, ...]:
    """The inputs; files are laid into ``folder``. Raises UsageError."""
    return tuple(
        Input(id=name, data=_data(_known(description.inputs, name, "input"), value, folder / f"input-{number}"))
        for number, (name, value) in enumerate(pair(text, "-i") for text in given)
    )


def outputs(description: ProcessDescription, given: tuple[str, ...]) -> dict[str, tuple[OutputRequest, Path]]:
    """The wanted outputs with the paths to write them to; a path's suffix chooses the format. Raises UsageError."""
    wanted = {}
    for name, path in (pair(text, "-o") for text in given):
        parameter = _known(description.outputs, name, "output")
        form = _offered(Path(path), parameter) if isinstance(parameter.domain, ComplexDomain) else None
        wanted[name] = (OutputRequest(id=name, format=form), Path(path))
    return wanted


def _known(parameters: tuple[Parameter | Group, ...], path: str, kind: str) -> Parameter:
    parameter = found(parameters, path)
    if parameter is None:
        there = ", ".join(leaf.id for leaf in leaves(parameters, number="0/")) or "none"
        raise click.UsageError(f"there is no {kind} {path!r}; there are: {there}")
    return parameter


def _data(parameter: Parameter, value: str, file: Path) -> InputData:
    if isinstance(parameter.domain, BoundingBoxDomain):
        return _box(parameter, value)
    if not isinstance(parameter.domain, ComplexDomain):
        return LiteralData(value=_text(parameter, value) if value.startswith("@") else value)
    if value.startswith(REMOTE):
        return ReferenceData(href=value, format=ANY)
    if not value.startswith("@"):
        if os.path.isfile(value):  # noqa: PTH113 - a long value is no path, and Path raises on that
            raise click.UsageError(f"input {parameter.id}: to send the file, write {parameter.id}=@{value}")
        file.write_text(value, "utf-8")
        return ComplexData(file=file.name, format=ANY, size=file.stat().st_size)
    source = _file(parameter, value)
    try:
        shutil.copyfile(source, file)
    except OSError as error:
        raise _unreadable(parameter, source, error) from None
    return ComplexData(file=file.name, format=_format_of(source, parameter), size=file.stat().st_size)


def _text(parameter: Parameter, value: str) -> str:
    source = _file(parameter, value)
    try:
        return source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(parameter, source, error) from None


def _unreadable(parameter: Parameter, source: Path, error: Exception) -> click.UsageError:
    return click.UsageError(f"input {parameter.id}: cannot read {source}: {error}")


def _file(parameter: Parameter, value: str) -> Path:
    source = Path(value[1:]).expanduser()
    if not source.is_file():
        raise click.UsageError(f"input {parameter.id}: there is no file {source}")
    return source


def _offered(path: Path, parameter: Parameter) -> Format:
    """The format that the suffix stands for, and the default where it stands for none. Raises UsageError."""
    assert isinstance(parameter.domain, ComplexDomain)
    suffix, formats = path.suffix.lower(), parameter.domain.formats
    there = dict.fromkeys(suffix_of(known.media_type) for known in formats)
    if suffix in _IN_ZIP and ".zip" in there:
        raise click.UsageError(f"output {parameter.id}: {suffix} is several files; they come in one {path.stem}.zip")
    # a format of no known suffix may have any
    if suffix and not _fitting(path, formats) and suffix_of(UNKNOWN) not in there:
        raise click.UsageError(f"output {parameter.id} is not offered as {path.suffix}; there are: {', '.join(there)}")
    return _format_of(path, parameter)


def _format_of(path: Path, parameter: Parameter) -> Format:
    """The first supported format that the suffix stands for, else the default."""
    assert isinstance(parameter.domain, ComplexDomain)
    formats = parameter.domain.formats
    return match(next(iter(_fitting(path, formats)), None), formats, parameter.id)


def _fitting(path: Path, formats: tuple[Format, ...]) -> list[Format]:
    """Formats of the media type that the suffix stands for, else of that suffix, else of its family (``+json``)."""
    named, suffix = media_type_of(path.name), path.suffix.lower()
    essences = [(known, known.media_type.split(";")[0]) for known in formats]
    return (
        [known for known, essence in essences if essence == named != UNKNOWN]
        or [known for known, essence in essences if suffix == suffix_of(essence)]
        or [known for known, essence in essences if suffix and essence.endswith(f"+{suffix[1:]}")]
    )


def _box(parameter: Parameter, value: str) -> BoundingBoxData:
    assert isinstance(parameter.domain, BoundingBoxDomain)
    parts, dimensions = [part.strip() for part in value.split(",")], parameter.domain.dimensions
    try:
        numbers = tuple(float(part) for part in parts[: 2 * dimensions])
    except ValueError:
        numbers = ()
    if len(numbers) != 2 * dimensions or len(parts) > 2 * dimensions + 1:
        raise click.UsageError(f"input {parameter.id}: write a box as its lower corner, upper corner[,CRS] with commas")
    system = parts[2 * dimensions] if len(parts) > 2 * dimensions else ""
    return BoundingBoxData(lower=numbers[:dimensions], upper=numbers[dimensions:], crs=system)
