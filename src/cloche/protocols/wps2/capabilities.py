"""The GetCapabilities response (clause 9.4.2)."""

import re
from collections.abc import Callable, Collection, Sequence

from cloche.model.process import Described, Metadata, ProcessDescription
from cloche.protocols._http.languages import translated
from cloche.protocols._ows import service_metadata
from cloche.protocols._ows.markup import Attributes, leaf, leaves, node, optional
from cloche.protocols.wps2 import names
from cloche.protocols.wps2.config import Wps2Config
from cloche.protocols.wps2.requests import KVP_OPERATIONS, OPERATIONS, PAUSE, VERSION

OPTIONAL_SECTIONS = ("ServiceIdentification", "ServiceProvider", "OperationsMetadata", "Languages")
VERSION_TYPE = re.compile(r"\d+(\.\d{1,2}){0,2}", re.ASCII)

Pausable = Callable[[ProcessDescription], bool]


def wanted_sections(asked: Sequence[str]) -> frozenset[str]:
    """The optional sections to send. The schema demands Contents, so they are always there."""
    folded = {name.lower() for name in asked}
    if not folded or "all" in folded:
        return frozenset(OPTIONAL_SECTIONS)
    return frozenset(name for name in OPTIONAL_SECTIONS if name.lower() in folded)


def capabilities(
    config: Wps2Config,
    processes: Sequence[ProcessDescription],
    *,
    pausable: Pausable,
    sections: Collection[str],
    language: str,
    update_sequence: str,
) -> str:
    """``wps:Capabilities``."""
    parts = {
        "ServiceIdentification": service_metadata.identification(config.metadata, versions=config.versions),
        "ServiceProvider": service_metadata.provider(config.metadata),
        "OperationsMetadata": service_metadata.operations(config.endpoint, KVP_OPERATIONS, OPERATIONS),
        "Languages": node("ows:Languages", leaves("ows:Language", config.languages)),
    }
    return "".join(
        (
            _start(update_sequence),
            *(text for name, text in parts.items() if name in sections),
            node("wps:Contents", *(_summary(process, language, pausable) for process in processes)),
            "</wps:Capabilities>",
        )
    )


def unchanged(update_sequence: str) -> str:
    """What a client gets that has the current document already (OWS Common 2.0 clause 7.3.4)."""
    return f"{_start(update_sequence)}</wps:Capabilities>"


def brief(item: ProcessDescription | Described, language: str) -> str:
    """The content of ``wps:DescriptionType``."""
    title, abstract = translated(item.translations, language, item.title, item.abstract)
    return "".join(
        (
            leaf("ows:Title", title),
            optional("ows:Abstract", abstract),
            node("ows:Keywords", leaves("ows:Keyword", item.keywords)) if item.keywords else "",
            leaf("ows:Identifier", item.id),
            *(_metadata(link) for link in item.metadata),
        )
    )


def properties(process: ProcessDescription, pausable: Pausable) -> Attributes:
    """How a process may be executed (clause 9.4.2, Table 29)."""
    options = [control.value for control in process.job_control]
    return {
        "jobControlOptions": " ".join([*options, PAUSE] if pausable(process) else options),
        "outputTransmission": "value reference",
        "processVersion": _version(process.version),
        "processModel": "native",
    }


def _start(update_sequence: str) -> str:
    return names.root("wps:Capabilities", {"service": "WPS", "version": VERSION, "updateSequence": update_sequence})


def _summary(process: ProcessDescription, language: str, pausable: Pausable) -> str:
    return node("wps:ProcessSummary", brief(process, language), attributes=properties(process, pausable))


def _metadata(link: Metadata) -> str:
    return node(
        "ows:Metadata",
        attributes={"xlink:href": link.href or None, "xlink:role": link.role or None, "xlink:title": link.title},
    )


def _version(version: str) -> str | None:
    """``ows:VersionType`` has three numbers; a version that has others is left out."""
    if not VERSION_TYPE.fullmatch(version):
        return None
    return ".".join([*version.split("."), "0", "0"][:3])
