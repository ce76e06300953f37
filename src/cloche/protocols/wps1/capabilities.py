"""The GetCapabilities response (WPS 1.0.0 clause 8.3)."""

from collections.abc import Collection, Sequence

from cloche.model.process import Metadata, ProcessDescription
from cloche.protocols._http.languages import translated
from cloche.protocols._ows import service_metadata
from cloche.protocols._ows.markup import leaf, leaves, node, optional
from cloche.protocols.wps1 import names
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.requests import OPERATIONS

OPTIONAL_SECTIONS = ("ServiceIdentification", "ServiceProvider", "OperationsMetadata")


def wanted_sections(asked: Sequence[str]) -> frozenset[str]:
    """The optional sections to send. The schema demands ProcessOfferings and Languages, so they are always there."""
    folded = {name.lower() for name in asked}
    if not folded or "all" in folded:
        return frozenset(OPTIONAL_SECTIONS)
    return frozenset(name for name in OPTIONAL_SECTIONS if name.lower() in folded)


def capabilities(
    config: Wps1Config,
    processes: Sequence[ProcessDescription],
    *,
    sections: Collection[str],
    language: str,
    update_sequence: str,
) -> str:
    """``wps:Capabilities``."""
    parts = {
        "ServiceIdentification": service_metadata.identification(config.metadata, versions=config.versions),
        "ServiceProvider": service_metadata.provider(config.metadata),
        "OperationsMetadata": service_metadata.operations(config.endpoint, OPERATIONS, OPERATIONS),
    }
    start = names.root(
        "wps:Capabilities", "wpsGetCapabilities_response.xsd", language, {"updateSequence": update_sequence}
    )
    return "".join(
        (
            start,
            *(text for name, text in parts.items() if name in sections),
            node("wps:ProcessOfferings", *(_offering(process, language) for process in processes)),
            _languages(config.languages),
            "</wps:Capabilities>",
        )
    )


def unchanged(language: str, update_sequence: str) -> str:
    """What a client gets that has the current document already (OWS Common 1.1 clause 7.3.4)."""
    schema = "wpsGetCapabilities_response.xsd"
    start = names.root("wps:Capabilities", schema, language, {"updateSequence": update_sequence})
    return f"{start}</wps:Capabilities>"


def brief(process: ProcessDescription, language: str) -> str:
    """The content of ``wps:ProcessBriefType``."""
    title, abstract = translated(process.translations, language, process.title, process.abstract)
    return "".join(
        (
            leaf("ows:Identifier", process.id),
            leaf("ows:Title", title),
            optional("ows:Abstract", abstract),
            metadata_links(process.metadata),
        )
    )


def metadata_links(links: Sequence[Metadata]) -> str:
    """``ows:Metadata`` for each link."""
    return "".join(
        node(
            "ows:Metadata",
            attributes={
                "xlink:href": link.href or None,
                "xlink:role": link.role or None,
                "xlink:title": link.title,
            },
        )
        for link in links
    )


def _offering(process: ProcessDescription, language: str) -> str:
    return node("wps:Process", brief(process, language), attributes={"wps:processVersion": process.version})


def _languages(languages: Sequence[str]) -> str:
    return node(
        "wps:Languages",
        node("wps:Default", leaf("ows:Language", languages[0])),
        node("wps:Supported", leaves("ows:Language", languages)),
    )
