"""``wps:StatusInfo``: how far a job is (clause 9.7, Table 16)."""

from datetime import UTC, datetime, timedelta

from cloche.model.job import Job
from cloche.model.state import ENDED, State, Wanted
from cloche.protocols._ows.markup import leaf
from cloche.protocols.wps2 import names

STATUS: dict[State, str] = {
    State.ACCEPTED: "Accepted",
    State.STARTING: "Running",
    State.RUNNING: "Running",
    State.PAUSED: "Paused",
    State.FINISHING: "Running",
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.DISMISSED: "Dismissed",
}
LEAST_PROGRESS = 1
"""Percent; below it nothing can be said of the end."""


def is_dismissed(job: Job) -> bool:
    """Whether the job is gone for clients, though its operating-system processes may still be dying."""
    return job.state is State.DISMISSED or (job.wanted is Wanted.STOP and job.state not in ENDED)


def status_info(job: Job, *, now: datetime, poll_seconds: tuple[float, float]) -> str:
    """The document, with what is known of the job at the time ``now``.

    The expiry is fixed when a job ends; until then there is a next poll (annotation of ``wps:ExpirationDate``).
    """
    dismissed = is_dismissed(job)
    open_ = job.state not in ENDED and not dismissed
    end = estimated_completion(job, now) if open_ else None
    poll = _next_poll(job, now, end, poll_seconds) if open_ else None
    return "".join(
        (
            names.root("wps:StatusInfo"),
            leaf("wps:JobID", job.id),
            leaf("wps:Status", STATUS[State.DISMISSED] if dismissed else STATUS[job.state]),
            _time("wps:ExpirationDate", None if dismissed else job.expires),
            _time("wps:EstimatedCompletion", end),
            _time("wps:NextPoll", poll),
            leaf("wps:PercentCompleted", str(_percent(job))) if job.started is not None else "",
            "</wps:StatusInfo>",
        )
    )


def estimated_completion(job: Job, now: datetime) -> datetime | None:
    """When the job would end if it went on as it has; None where its process does not tell how far it is."""
    if job.state is not State.RUNNING or job.started is None or not LEAST_PROGRESS <= job.progress <= 99:
        return None
    return job.started + (now - job.started) * 100 / job.progress


def moment(time: datetime) -> str:
    """``xs:dateTime`` in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _percent(job: Job) -> int:
    return 100 if job.state is State.SUCCEEDED else max(0, min(100, job.progress))


def _next_poll(job: Job, now: datetime, end: datetime | None, poll_seconds: tuple[float, float]) -> datetime:
    """Soon while the job is young, rarely when it is old, and about when it should end."""
    least, most = poll_seconds
    wait = (now - job.created).total_seconds() / 10
    if end is not None:
        wait = min(wait, (end - now).total_seconds())
    return now + timedelta(seconds=min(most, max(least, wait)))


def _time(tag: str, time: datetime | None) -> str:
    return leaf(tag, moment(time)) if time is not None else ""
