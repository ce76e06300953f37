"""Complex parameters: a type that reads and writes files, and the formats of this parameter."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cloche.authoring import document
from cloche.authoring.errors import ProcessError
from cloche.authoring.file import File
from cloche.model.domains import ComplexDomain
from cloche.model.formats import Format
from cloche.model.quantities import show_bytes
from cloche.values.formats import match

if TYPE_CHECKING:
    from cloche.authoring.schema import Schema


class ComplexType(Protocol):
    """What a class needs to be the type of complex parameters: File, Json, Vector, Raster, or an author's own."""

    @classmethod
    def formats(cls) -> tuple[Format, ...]:
        """The supported formats, the default first; none: every parameter names its own."""
        ...

    @classmethod
    def receive(cls, path: Path, format: Format, workdir: Path) -> Any:
        """The value of a file from a client. Raises WrongData, whose text says what is wrong with it."""
        ...

    @classmethod
    def deliver(cls, value: Any, format: Format, directory: Path, name: str) -> Path:
        """Write what the author returned into ``directory``, as ``name`` with a suffix. Raises ProcessError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexKind:
    """A complex parameter."""

    domain: ComplexDomain
    type: type[ComplexType]
    schema: "Schema | None" = None

    def receive(self, path: Path, format: Format, workdir: Path) -> Any:
        """What the author gets for a file. Raises WrongData."""
        if self.schema is not None and _has_instance(format):
            self.schema.check(document.read(path, format))
        return self.type.receive(path, format, workdir)

    def deliver(self, value: Any, wanted: Format, directory: Path, name: str) -> tuple[Path, Format]:
        """The file of what the author returned, and its format. Raises ProcessError and what the type raises."""
        actual = self._format(value, wanted)
        path = self.type.deliver(value, actual, directory, name)
        size = path.stat().st_size
        if self.domain.max_bytes is not None and size > self.domain.max_bytes:
            raise ProcessError(
                f"it has {show_bytes(size)}, and at most {show_bytes(self.domain.max_bytes)} are allowed"
            )
        return path, actual

    def _format(self, value: Any, wanted: Format) -> Format:
        """The wanted one, unless a File says that it is in another that is supported: the truth, then."""
        own = value.format if isinstance(value, File) else None
        if own is None or own.media_type == wanted.media_type:
            return wanted
        return match(own, self.domain.formats, "") if _is_among(own, self.domain.formats) else wanted


def schema_of(json_schema: str | None) -> "Schema | None":
    """The checker of a domain's JSON Schema. Raises ValueError."""
    if json_schema is None:
        return None
    from cloche.authoring.schema import Schema

    return Schema(json.loads(json_schema))


def _is_among(format: Format, formats: tuple[Format, ...]) -> bool:
    return any(format.media_type == known.media_type for known in formats)


def _has_instance(format: Format) -> bool:
    """Whether JSON Schema has something to say of files of that format: JSON, and text as a string."""
    return document.is_json(format) or format.media_type.startswith("text/plain")
