"""Schemas of the standard's documents for the API definition, with every reference written out."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
_ANY_TEXT: Schema = {"type": "string", "nullable": True}
ADDRESS: Schema = {"type": "string", "format": "uri", "pattern": "^https?://[A-Za-z0-9]"}
TIME: Schema = {"type": "string", "format": "date-time"}


def record(required: tuple[str, ...] = (), **members: Schema) -> Schema:
    """An object."""
    found: Schema = {"type": "object", "properties": members}
    return found | {"required": list(required)} if required else found


def many(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


LINK = record(("href",), href=TEXT, rel=TEXT, type=TEXT, hreflang=TEXT, title=TEXT)
LANDING = record(("links",), title=TEXT, description=TEXT, links=many(LINK))
CONFORMANCE = record(("conformsTo",), conformsTo=many(TEXT))

_DESCRIBED: dict[str, Schema] = {
    "title": TEXT,
    "description": TEXT,
    "keywords": many(TEXT),
    "metadata": many(record((), title=TEXT, role=TEXT, href=TEXT)),
    "additionalParameters": {"type": "object"},
}
_SUMMARY: dict[str, Schema] = {
    **_DESCRIBED,
    "id": TEXT,
    "version": TEXT,
    "jobControlOptions": many({"type": "string", "enum": ["sync-execute", "async-execute", "dismiss"]}),
    "outputTransmission": many({"type": "string", "enum": ["value", "reference"]}),
    "links": many(LINK),
}
SUMMARY = record(("id", "version"), **_SUMMARY)
PROCESS_LIST = record(("processes", "links"), processes=many(SUMMARY), links=many(LINK))
_OCCURS: Schema = {"oneOf": [{"type": "integer"}, {"type": "string", "enum": ["unbounded"]}]}
_SCHEMA: Schema = {"type": "object", "description": "A JSON Schema, as clause 9.2 of the standard has it."}
INPUT = record(("schema",), **_DESCRIBED, minOccurs={"type": "integer"}, maxOccurs=_OCCURS, schema=_SCHEMA)
OUTPUT = record(("schema",), **_DESCRIBED, schema=_SCHEMA)
PROCESS = record(
    ("id", "version"),
    **_SUMMARY,
    inputs={"type": "object", "additionalProperties": INPUT},
    outputs={"type": "object", "additionalProperties": OUTPUT},
)

CODE: Schema = {"type": "string", "enum": ["accepted", "running", "successful", "failed", "dismissed"]}
STATUS_INFO = record(
    ("jobID", "status", "type"),
    jobID=TEXT,
    processID=TEXT,
    type={"type": "string", "enum": ["process"]},
    status=CODE,
    message=TEXT,
    created=TIME,
    started=TIME,
    finished=TIME,
    updated=TIME,
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    links=many(LINK),
)
JOB_LIST = record(("jobs", "links"), jobs=many(STATUS_INFO), links=many(LINK))

EXCEPTION = record(
    ("type",),
    type=TEXT,
    title=TEXT,
    status={"type": "integer"},
    detail=TEXT,
    instance=TEXT,
    errors=many(record((), detail=TEXT, pointer=TEXT)),
)
FORMAT = record(
    (), mediaType=TEXT, encoding=TEXT, schema={"oneOf": [{"type": "string", "format": "uri"}, {"type": "object"}]}
)
RESULTS: Schema = {"type": "object", "additionalProperties": {}}


def reference(media_types: list[str]) -> Schema:
    """A link to a value of an input."""
    kind: Schema = _ANY_TEXT | {"example": media_types[0]} if media_types else _ANY_TEXT
    return record(("href",), href=ADDRESS, type=kind, rel=TEXT, hreflang=TEXT, title=TEXT)


def qualified(value: Schema) -> Schema:
    """A value with what it is."""
    return record(("value",), value=value, mediaType=_ANY_TEXT, encoding=_ANY_TEXT)
