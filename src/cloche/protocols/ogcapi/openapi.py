"""The API as OpenAPI 3.0 (conformance class oas30), out of what is published: one execution path for each process."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from cloche import __version__
from cloche.model.domains import BoundingBoxDomain, ComplexDomain, Domain
from cloche.model.process import Described, Group, JobControl, Parameter, ProcessDescription
from cloche.protocols.ogcapi import listing, nesting, shapes
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import HTML, JSON, OPENAPI, PROBLEM
from cloche.protocols.ogcapi.requests import LONGEST_KEY
from cloche.protocols.ogcapi.schemas import schema
from cloche.protocols.ogcapi.shapes import CODE, TEXT, Schema

Json = dict[str, Any]

_TIME = (
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-](0\d|1[0-3]):[0-5]\d)"
)
INTERVAL = rf"^({_TIME}|(\.\.|{_TIME})?/(\.\.|{_TIME})?)$"

TEXT_PATTERN = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]*$"
"""Inputs come over WPS too: what XML cannot hold is no text."""

F = {
    "name": "f",
    "in": "query",
    "description": "json or html, in place of the Accept header",
    "schema": {"type": "string", "enum": ["json", "html"]},
}


def definition(processes: Sequence[ProcessDescription], config: OgcApiConfig) -> Json:
    """Complete, without any ``$ref``."""
    paths = {**_common(), **_processes(processes), **_jobs()}
    if config.draft:
        _add_draft(paths, processes)
    info: Json = {"title": config.title, "version": __version__, "license": {"name": "MIT"}}
    if config.description:
        info["description"] = config.description
    if config.provider:
        info["contact"] = {"name": config.provider} | ({"url": config.provider_url} if config.provider_url else {})
    tags = [
        {"name": "server", "description": "What this server is"},
        {"name": "processes", "description": "What can be executed"},
        {"name": "jobs", "description": "What was executed, or is"},
        {"name": "extensions", "description": "What the standard does not have"},
    ]
    return {"openapi": "3.0.3", "info": info, "servers": [{"url": config.url}], "tags": tags, "paths": paths}


def _add_draft(paths: Json, processes: Sequence[ProcessDescription]) -> None:
    """What draft 2.0 has beside version 1.0."""
    outputs = _query("outputs", {"type": "array", "items": TEXT}, "Some of the results", spread=False)
    paths["/jobs/{jobID}/results"]["get"]["parameters"].append(outputs)
    for process in processes:
        operations = paths[f"/processes/{quote(process.id, safe='')}/execution"]
        answers, parameters = operations["post"]["responses"], operations["post"]["parameters"]
        more = [
            _query(parameter.id, TEXT, parameter.title) for parameter in process.inputs if parameter.id != F["name"]
        ]
        by_query = _operation(
            f"executeByQuery.{process.id}", "processes", f"Execute {process.title}", dict(answers), [*parameters, *more]
        )
        operations["get"] = by_query


def _common() -> Json:
    api = {"description": "The definition", "content": {OPENAPI: {"schema": {"type": "object"}}, **_content_html()}}
    return {
        "/": {"get": _get("getLandingPage", "server", "Landing page", shapes.LANDING)},
        "/conformance": {"get": _get("getConformance", "server", "Conformance classes", shapes.CONFORMANCE)},
        "/api": {"get": _operation("getApi", "server", "This definition", {"200": api, **_errors(400, 406)}, [F])},
    }


def _processes(processes: Sequence[ProcessDescription]) -> Json:
    offset = _query("offset", {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0})
    known: Schema = TEXT | ({"enum": [process.id for process in processes]} if processes else {})
    found = {
        "/processes": {"get": _get("getProcesses", "processes", "Processes", shapes.PROCESS_LIST, [_limit(), offset])},
        "/processes/{processID}": {
            "get": _get(
                "getProcess",
                "processes",
                "Description of a process",
                shapes.PROCESS,
                [_in_path("processID", known)],
                404,
            )
        },
    }
    for process in processes:
        found[f"/processes/{quote(process.id, safe='')}/execution"] = {"post": _execution(process)}
    return found


def _execution(process: ProcessDescription) -> Json:
    answers: Json = {}
    if JobControl.SYNC in process.job_control:
        answers["200"] = {
            "description": "The results, as the request has asked for them",
            "content": {"*/*": {"schema": {}}},
        }
        answers["204"] = {
            "description": "The results are where the Link headers say",
            "headers": {"Link": {"schema": TEXT}},
        }
    if JobControl.ASYNC in process.job_control:
        headers = {"Location": {"schema": TEXT}, "Preference-Applied": {"schema": TEXT}}
        answers["201"] = {
            "description": "The job",
            "headers": headers,
            "content": {JSON: {"schema": shapes.STATUS_INFO}, **_content_html()},
        }
    prefer = _header("Prefer", "`respond-async` and `wait=` seconds (RFC 7240)")
    key = _header("Idempotency-Key", "A request with a key that was used before is answered with the job of then")
    key["schema"] = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}
    operation = _operation(
        f"execute.{process.id}",
        "processes",
        f"Execute {process.title}",
        answers | _errors(400, 404, 406, 408, 409, 410, 413, 415, 422, 500, 503, 507, kinds=(PROBLEM, JSON, HTML)),
        [prefer, key, F],
    )
    operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _request(process)}}}
    return operation


def _request(process: ProcessDescription) -> Schema:
    """``execute.yaml`` for one process."""
    inputs: Schema = shapes.record(tuple(parameter.id for parameter in process.inputs if nesting.needed(parameter)))
    inputs["properties"] = {parameter.id: _input(parameter) for parameter in process.inputs}
    outputs: Schema = {
        "type": "object",
        "description": "Absent: all of them",
        "properties": {parameter.id: _output(parameter) for parameter in process.outputs},
        "additionalProperties": False,
    }
    address = shapes.ADDRESS
    return shapes.record(
        ("inputs",) if "required" in inputs else (),
        inputs=inputs | {"additionalProperties": False},
        outputs=outputs,
        response={"type": "string", "enum": ["raw", "document"], "default": "raw"},
        subscriber=shapes.record((), successUri=address, inProgressUri=address, failedUri=address),
    )


def _input(parameter: Parameter | Group) -> Schema:
    forms = _members(parameter) if isinstance(parameter, Group) else _forms(parameter.domain)
    one: Schema = {"anyOf": forms}
    if parameter.max_occurs == 1:
        return one | _told(parameter)
    several: Schema = {"type": "array", "items": one, "minItems": max(parameter.min_occurs, 1)}
    if parameter.max_occurs is not None:
        several["maxItems"] = parameter.max_occurs
    return (several if parameter.min_occurs > 1 else {"anyOf": [several, *forms]}) | _told(parameter)


def _members(group: Group) -> list[Schema]:
    required = tuple(member.id for member in group.parameters if nesting.needed(member))
    value = shapes.record(required, **{member.id: _input(member) for member in group.parameters})
    value["additionalProperties"] = False
    return [value] if "value" in value["properties"] else [value, shapes.qualified(value)]


def _forms(domain: Domain) -> list[Schema]:
    value = _in_bytes(schema(domain))
    if value == TEXT:
        value = TEXT | {"pattern": TEXT_PATTERN}
    forms: list[Schema] = [value, shapes.qualified(value)]
    if not isinstance(domain, BoundingBoxDomain):
        types = [known.media_type for known in domain.formats] if isinstance(domain, ComplexDomain) else []
        forms.append(shapes.reference(types))
    return forms


def _in_bytes(value: Schema) -> Schema:
    """OpenAPI's own word for base64 beside that of the standard."""
    if "oneOf" in value:
        return value | {"oneOf": [_in_bytes(branch) for branch in value["oneOf"]]}
    return value | {"format": "byte"} if "contentEncoding" in value else value


def _output(parameter: Parameter | Group) -> Schema:
    domain = parameter.domain if isinstance(parameter, Parameter) else None
    members: dict[str, Schema] = {"transmissionMode": {"type": "string", "enum": ["value", "reference"]}}
    if isinstance(domain, ComplexDomain):
        kinds = list(dict.fromkeys(known.media_type for known in domain.formats))
        members["format"] = shapes.record((), mediaType=TEXT | {"enum": kinds})
    return shapes.record((), **members) | _told(parameter)


def _jobs() -> Json:
    job = _in_path("jobID", TEXT)
    stop = "Stop an open job; remove an ended one with its results"
    return {
        "/jobs": {"get": _get("getJobs", "jobs", "Jobs, newest first", shapes.JOB_LIST, _filters())},
        "/jobs/{jobID}": {
            "get": _get("getStatus", "jobs", "Status of a job", shapes.STATUS_INFO, [job], 404, 503),
            "delete": _get("dismiss", "jobs", stop, shapes.STATUS_INFO, [job], 404, 503),
        },
        **_results(job),
        "/jobs/{jobID}/log": {"get": _log(job)},
        "/jobs/{jobID}/events": {"get": _events(job)},
        "/jobs/{jobID}/pause": {"post": _wish("pause", "Hold a job still")},
        "/jobs/{jobID}/resume": {"post": _wish("resume", "Let a paused job go on")},
    }


def _results(job: Json) -> Json:
    results = {"description": "The results, as the request has asked for them", "content": {"*/*": {"schema": {}}}}
    links = {"description": "The results are where the Link headers say", "headers": {"Link": {"schema": TEXT}}}
    failed = _errors(400, 404, 406, 410, 500, 503)
    answers = {"200": results, "204": links, **failed}
    one = [job, _in_path("outputID", TEXT), F]
    return {
        "/jobs/{jobID}/results": {"get": _operation("getResults", "jobs", "Results of a job", answers, [job, F])},
        "/jobs/{jobID}/results/{outputID}": {
            "get": _operation("getResult", "extensions", "One output of a job", {"200": results, **failed}, one)
        },
    }


def _log(job: Json) -> Json:
    log = {"description": "The text", "content": {"text/plain": {"schema": TEXT}, **_content_html()}}
    kind = {"description": "In place of the Accept header", "schema": {"type": "string", "enum": ["text", "html"]}}
    answers = {"200": log, **_errors(400, 404, 406, 503)}
    return _operation("getLog", "extensions", "What the execution printed", answers, [job, F | kind])


def _events(job: Json) -> Json:
    stream = {"description": "The events", "content": {"text/event-stream": {"schema": TEXT}}}
    answers = {"200": stream, "204": {"description": "No more events will come"}, **_errors(400, 404, 503)}
    summary = "States and progress as server-sent events: `status` for each move, `progress`, `end`"
    last = _header("Last-Event-ID", "The last event that was seen")
    return _operation("getEvents", "extensions", summary, answers, [job, last])


def _wish(name: str, summary: str) -> Json:
    found = _get(name, "extensions", summary, shapes.STATUS_INFO, [_in_path("jobID", TEXT)], 404, 409, 503)
    found["responses"] |= _errors(400, 404, 406, 409, 503, kinds=(PROBLEM, JSON, HTML))
    return found


def _filters() -> list[Json]:
    """/req/job-list: every parameter of the list."""
    seconds = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 999_999_999}, "maxItems": 1}
    return [
        _query("type", {"type": "array", "items": {"type": "string", "enum": ["process"]}}, spread=False),
        _query("processID", {"type": "array", "items": TEXT}, spread=False),
        _query("status", {"type": "array", "items": CODE}, spread=False),
        _query(
            "datetime",
            {"type": "string", "pattern": INTERVAL},
            "A time, or an interval such as `2024-01-01T00:00:00Z/..`, of creation",
        ),
        _query("minDuration", seconds, "Seconds from start to end, or to now", spread=False),
        _query("maxDuration", seconds, "Seconds from start to end, or to now", spread=False),
        _limit(),
        _query("cursor", {"type": "string", "pattern": f"^{listing.CURSOR.pattern}$"}, "As the `next` link has it"),
    ]


def _limit() -> Json:
    return _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": listing.MOST, "default": listing.DEFAULT}, "Page size"
    )


def _get(id: str, tag: str, summary: str, shape: Schema, parameters: Sequence[Json] = (), *errors: int) -> Json:
    """An operation that is answered with JSON or HTML."""
    answer = {"description": summary, "content": {JSON: {"schema": shape}, **_content_html()}}
    return _operation(id, tag, summary, {"200": answer, **_errors(400, 406, *errors)}, [*parameters, F])


def _operation(id: str, tag: str, summary: str, answers: Json, parameters: Sequence[Json]) -> Json:
    answers["default"] = _error("Something unexpected", (PROBLEM, HTML))
    return {
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "responses": answers,
    }


WORDS = {
    400: "The request is wrong", 404: "There is no such thing", 406: "No media type that is asked for is had",
    408: "The body did not go on", 409: "The state or the mode does not allow it", 410: "The job was dismissed",
    413: "Too large", 415: "The media type of the body is not read", 422: "The key was used for another request",
    500: "The execution failed", 503: "No place just now", 507: "No room",
}  # fmt: skip


def _errors(*codes: int, kinds: tuple[str, ...] = (PROBLEM, HTML)) -> Json:
    return {str(code): _error(WORDS[code], kinds) for code in sorted(codes)}


def _error(words: str, kinds: tuple[str, ...]) -> Json:
    shown = {kind: {"schema": TEXT if kind == HTML else shapes.EXCEPTION} for kind in kinds}
    return {"description": words, "content": shown}


def _content_html() -> Json:
    return {HTML: {"schema": TEXT}}


def _query(name: str, shape: Schema, words: str = "", *, spread: bool = True) -> Json:
    found: Json = {"name": name, "in": "query", "required": False, "schema": shape}
    if words:
        found["description"] = words
    return found if spread else found | {"style": "form", "explode": False}


def _header(name: str, words: str) -> Json:
    return {"name": name, "in": "header", "required": False, "description": words, "schema": TEXT}


def _in_path(name: str, shape: Schema) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": shape}


def _told(parameter: Described) -> Json:
    words = ". ".join(text.rstrip(".") for text in (parameter.title, parameter.abstract) if text)
    return {"description": words} if words else {}
