"""WPS 2.0 requests in KVP. Execute has none (clause 9.6)."""

from cloche.protocols._ows.errors import missing
from cloche.protocols._ows.kvp import Kvp
from cloche.protocols._ows.operations import check_version
from cloche.protocols.wps2.requests import VERSION, DescribeProcess, GetCapabilities, JobRequest


def get_capabilities(query: Kvp) -> GetCapabilities:
    """Never fails: what is asked for is negotiated later."""
    return GetCapabilities(
        accept_versions=query.items("acceptversions"),
        version=query.get("version").strip(),
        sections=query.items("sections"),
        accept_formats=query.items("acceptformats"),
        accept_languages=query.items("acceptlanguages"),
        update_sequence=query.get("updatesequence").strip(),
    )


def describe_process(query: Kvp) -> DescribeProcess:
    """Raises OwsError."""
    check_version(query.get("version").strip(), VERSION)
    identifiers = query.items("identifier")
    if not identifiers:
        raise missing("identifier")
    return DescribeProcess(identifiers=identifiers, language=query.get("lang").strip())


def job_request(operation: str, query: Kvp) -> JobRequest:
    """Raises OwsError."""
    check_version(query.get("version").strip(), VERSION)
    job = query.get("jobid").strip()
    if not job:
        raise missing("JobID")
    return JobRequest(operation=operation, job=job)
