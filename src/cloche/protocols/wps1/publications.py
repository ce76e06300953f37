"""GetCapabilities and DescribeProcess: negotiated, rendered once, kept."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from cloche.model.errors import NoSuchProcess
from cloche.protocols._ows import negotiation
from cloche.protocols._ows.errors import Code, OwsError
from cloche.protocols._ows.shelf import Shelf
from cloche.protocols.wps1.capabilities import capabilities, unchanged, wanted_sections
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.descriptions import process_descriptions
from cloche.protocols.wps1.requests import VERSION, DescribeProcess, GetCapabilities
from cloche.service.service import Service

SHELF_ENTRIES = 256
SHELF_BYTES = 32 << 20


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
        self._shelf = Shelf[bytes](entries=SHELF_ENTRIES, total_bytes=SHELF_BYTES)

    def capabilities(self, request: GetCapabilities, *, accept_language: str) -> Publication:
        """Raises OwsError."""
        negotiation.version(accepted=request.accept_versions, asked=request.version, offered=(VERSION,))
        language = negotiation.language(request.language, self._config.languages, header=accept_language)
        media_type = negotiation.media_type(request.accept_formats)
        version = self._service.catalog_version()
        if _is_current(request.update_sequence, version):
            return Publication(document=unchanged(language, str(version)).encode(), media_type=media_type)
        sections = wanted_sections(request.sections)

        def render() -> str:
            processes = [published.description for published in self._service.processes()]
            return capabilities(
                self._config, processes, sections=sections, language=language, update_sequence=str(version)
            )

        document = self._kept(version, ("capabilities", language, sections), render)
        return Publication(document=document, media_type=media_type)

    def descriptions(self, request: DescribeProcess, *, accept_language: str) -> Publication:
        """Raises OwsError, NoSuchProcess. ``ALL`` is every process (CHECKLIST B)."""
        language = negotiation.language(request.language, self._config.languages, header=accept_language)
        identifiers = tuple(dict.fromkeys(request.identifiers))

        def render() -> str:
            return process_descriptions(
                [self._service.process(identifier).description for identifier in self._all(identifiers)],
                language=language,
                max_input_bytes=self._service.policy.max_input_bytes,
            )

        version = self._service.catalog_version()
        return Publication(document=self._kept(version, ("descriptions", language, identifiers), render))

    def _all(self, identifiers: tuple[str, ...]) -> tuple[str, ...]:
        if len(identifiers) != 1 or identifiers[0].upper() != "ALL":
            return identifiers
        everything = tuple(published.description.id for published in self._service.processes())
        if not everything:
            raise NoSuchProcess("No process is published here.", locator="Identifier")
        return everything

    def _kept(self, version: int, key: Hashable, render: Callable[[], str]) -> bytes:
        document = self._shelf.get(version, key)
        if document is None:
            document = render().encode()
            self._shelf.put(version, key, document, size=len(document))
        return document


def _is_current(asked: str, current: int) -> bool:
    """Raises OwsError InvalidUpdateSequence for one from the future; what is no number is no sequence of ours."""
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 20):
        return False
    if int(asked) > current:
        text = f"The update sequence {asked} is greater than the current one, {current}."
        raise OwsError(Code.INVALID_UPDATE_SEQUENCE, text)
    return int(asked) == current
