"""GetCapabilities and DescribeProcess: negotiated, rendered once, kept."""

from dataclasses import dataclass

from cloche.protocols._ows import negotiation
from cloche.protocols._ows.published import PublishedDocuments
from cloche.protocols.wps1.capabilities import capabilities, unchanged, wanted_sections
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.descriptions import process_descriptions
from cloche.protocols.wps1.requests import VERSION, DescribeProcess, GetCapabilities
from cloche.service.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A document's root element in UTF-8, and the media type that was negotiated."""

    document: bytes
    media_type: str = "text/xml"


class Publications:
    """What is published, as documents. Any thread."""

    def __init__(self, service: Service, config: Wps1Config) -> None:
        self._service = service
        self._config = config
        self._documents = PublishedDocuments(service)

    def capabilities(self, request: GetCapabilities, *, accept_language: str) -> Publication:
        """Raises OwsError."""
        negotiation.version(
            accepted=request.accept_versions, asked=request.version, offered=(VERSION,), spoken=self._config.versions
        )
        language = negotiation.language(request.language, self._config.languages, header=accept_language)
        media_type = negotiation.media_type(request.accept_formats)
        sequence = str(self._documents.update_sequence())
        if self._documents.is_current(request.update_sequence):
            return Publication(document=unchanged(language, sequence).encode(), media_type=media_type)
        sections = wanted_sections(request.sections)

        def render() -> str:
            processes = self._documents.all()
            return capabilities(self._config, processes, sections=sections, language=language, update_sequence=sequence)

        document = self._documents.document(("capabilities", language, sections), render)
        return Publication(document=document, media_type=media_type)

    def descriptions(self, request: DescribeProcess, *, accept_language: str) -> Publication:
        """Raises OwsError, NoSuchProcess. ``ALL`` is every process (CHECKLIST B)."""
        language = negotiation.language(request.language, self._config.languages, header=accept_language)
        identifiers = tuple(dict.fromkeys(request.identifiers))

        def render() -> str:
            return process_descriptions(
                self._documents.descriptions(identifiers),
                language=language,
                max_input_bytes=self._service.policy.max_input_bytes,
            )

        return Publication(document=self._documents.document(("descriptions", language, identifiers), render))
