"""Jobs as ``statusInfo.yaml`` has them (clause 7.12). No member is ever null."""

from datetime import UTC, datetime
from typing import Any

from cloche.model.job import Job
from cloche.model.state import ENDED, State, Wanted
from cloche.protocols.ogcapi import problems
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import EXCEPTIONS, HTML, JSON, RESULTS

Json = dict[str, Any]

CODES: dict[State, str] = {
    State.ACCEPTED: "accepted",
    State.STARTING: "accepted",
    State.RUNNING: "running",
    State.PAUSED: "running",
    State.FINISHING: "running",
    State.SUCCEEDED: "successful",
    State.FAILED: "failed",
    State.DISMISSED: "dismissed",
}


def code(job: Job) -> str:
    """``statusCode.yaml``. A job that somebody dismissed is so at once, though its processes may still be dying."""
    return "dismissed" if job.wanted is Wanted.STOP and job.state not in ENDED else CODES[job.state]


def status_info(job: Job, config: OgcApiConfig, *, gone: bool = False) -> Json:
    """``statusInfo.yaml``. ``gone``: the job is no longer there, and nothing leads to it."""
    found: Json = {
        "jobID": job.id,
        "processID": job.process,
        "type": "process",
        "status": code(job),
        "message": _message(job),
        "progress": max(0, min(100, job.progress)),
        "created": moment(job.created),
        "updated": moment(job.updated),
    }
    for name, time in (("started", job.started), ("finished", job.finished)):
        if time is not None:
            found[name] = moment(time)
    if config.draft:
        found |= {"id": job.id, "processingEntityType": "ogc-api-processes", "process": config.process(job.process)}
        if job.state is State.FAILED:
            found["exception"] = problems.failure(job.failure).body(f"{config.job(job.id)}/results")
    return found | {"links": [*(() if gone else _own_links(job, config)), *_links(job, config)]}


def moment(time: datetime) -> str:
    """RFC 3339, UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _message(job: Job) -> str:
    if job.failure is not None:
        return job.failure.text
    if job.state is State.PAUSED:
        return f"Paused. {job.message}".strip()
    return job.message or f"Process {job.process}: {code(job)}."


def _links(job: Job, config: OgcApiConfig) -> list[Json]:
    return [
        {"href": config.process(job.process), "rel": "describedby", "type": JSON, "title": "The process"},
        {"href": config.address("/jobs"), "rel": "up", "type": JSON, "title": "All jobs"},
    ]


def _own_links(job: Job, config: OgcApiConfig) -> list[Json]:
    href = config.job(job.id)
    links = [
        {"href": href, "rel": "self", "type": JSON, "title": "This status"},
        {"href": f"{href}?f=html", "rel": "alternate", "type": HTML, "title": "This status as a page"},
    ]
    if job.state not in ENDED:
        # the first of the two is what the standard says, the other what its test suite follows
        links += [{"href": href, "rel": rel, "type": JSON, "title": "Status"} for rel in ("monitor", "status")]
    elif job.state is State.SUCCEEDED:
        links.append({"href": f"{href}/results", "rel": RESULTS, "type": JSON, "title": "Results"})
    else:
        links.append({"href": f"{href}/results", "rel": EXCEPTIONS, "type": JSON, "title": "Why there are no results"})
    return links
