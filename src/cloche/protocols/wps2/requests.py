"""The requests of WPS 2.0, however they were written; Execute is ``model.execute.Execute`` already."""

from dataclasses import dataclass

VERSION = "2.0.0"
PROTOCOL = "wps2"
JOB_OPERATIONS = ("GetStatus", "GetResult", "Dismiss", "Pause", "Resume")
KVP_OPERATIONS = ("GetCapabilities", "DescribeProcess", *JOB_OPERATIONS)
OPERATIONS = ("GetCapabilities", "DescribeProcess", "Execute", *JOB_OPERATIONS)
EXTENSION = "urn:cloche:wps"
"""The namespace of Pause and Resume."""
PAUSE = f"{EXTENSION}:pause"
"""What ``jobControlOptions`` calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCapabilities:
    """Clause 9.4, with what it inherits from OWS Common 2.0 clause 7.2."""

    accept_versions: tuple[str, ...] = ()
    version: str = ""
    sections: tuple[str, ...] = ()
    accept_formats: tuple[str, ...] = ()
    accept_languages: tuple[str, ...] = ()
    update_sequence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeProcess:
    """Clause 9.5."""

    identifiers: tuple[str, ...]
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """GetStatus, GetResult (clauses 9.8 and 9.9), Dismiss (clause 11), and the operations of our extension."""

    operation: str
    job: str
