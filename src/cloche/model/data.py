"""Values of inputs and outputs on their way through the house."""

from dataclasses import dataclass

from cloche.model.formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralData:
    """A literal value in canonical lexical form of XML Schema."""

    value: str
    datatype: str = ""
    uom: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundingBoxData:
    """A bounding box: lower and upper corner in the axis order of ``crs``."""

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    crs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexData:
    """Complex data in a file. ``file`` is a bare name: in the intake, and later in the job directory's ``in/``.

    The bytes are decoded already: where ``format.encoding`` was base64 or gzip on the wire, the file holds
    what it said.
    """

    file: str
    format: Format
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceData:
    """Data to fetch before the start.

    ``body`` is a bare file name in the intake; ``body_href`` is fetched for the body.
    """

    href: str
    format: Format
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    body_href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredData:
    """An output file in storage under (job, name)."""

    name: str
    format: Format
    size: int


InputData = LiteralData | BoundingBoxData | ComplexData | ReferenceData
OutputData = LiteralData | BoundingBoxData | StoredData


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One occurrence of an input."""

    id: str
    data: InputData


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output of a finished job."""

    id: str
    data: OutputData
