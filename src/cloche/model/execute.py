"""What a client asked for in an Execute request, free of any protocol."""

from dataclasses import dataclass
from enum import StrEnum

from cloche.model.data import Input
from cloche.model.formats import Format


class Mode(StrEnum):
    """Wait for the end, or come back for it; ``auto`` leaves it to the server (WPS 2.0)."""

    SYNC = "sync"
    ASYNC = "async"
    AUTO = "auto"


class Response(StrEnum):
    """A document that names every output, the bytes of one, the bytes of each as parts of one message, or nothing:
    then no output is wanted at all.
    """

    DOCUMENT = "document"
    RAW = "raw"
    PARTS = "parts"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRequest:
    """A wanted output. ``format`` may be partial (empty media type: the default); title and abstract override."""

    id: str
    format: Format | None = None
    as_reference: bool = False
    uom: str = ""
    title: str = ""
    abstract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Addresses that are told of the job's way (Part 1 clause 13); empty: not wanted."""

    success: str = ""
    in_progress: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """An Execute request. Empty ``outputs`` means all, in default formats.

    ``status`` asks for a document that is kept up to date (WPS 1.0.0); ``store`` for one that stays.
    """

    process: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[OutputRequest, ...] = ()
    mode: Mode = Mode.SYNC
    response: Response = Response.DOCUMENT
    lineage: bool = False
    store: bool = False
    status: bool = False
    language: str = ""
    protocol: str = ""
    subscriber: Subscriber | None = None
