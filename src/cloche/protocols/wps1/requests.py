"""The requests of WPS 1.0.0, however they were written; Execute is ``model.execute.Execute`` already."""

from dataclasses import dataclass

VERSION = "1.0.0"
PROTOCOL = "wps1"
OPERATIONS = ("GetCapabilities", "DescribeProcess", "Execute")


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCapabilities:
    """Clause 8.2, with the parameters of OWS Common 1.1 clause 7.2 that WPS 1.0.0 leaves out."""

    accept_versions: tuple[str, ...] = ()
    version: str = ""
    sections: tuple[str, ...] = ()
    accept_formats: tuple[str, ...] = ()
    update_sequence: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeProcess:
    """Clause 9.2."""

    identifiers: tuple[str, ...]
    language: str = ""
