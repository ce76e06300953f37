"""What is published, as documents that are rendered once and kept."""

import time
from collections.abc import Callable, Hashable

from cloche.model.errors import NoSuchProcess
from cloche.model.process import ProcessDescription
from cloche.protocols._http.shelf import Shelf
from cloche.protocols._ows.errors import Code, OwsError
from cloche.service.service import Service

ENTRIES = 256
BYTES = 32 << 20


class PublishedDocuments:
    """Documents by key, good for one version of the catalog. Any thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._shelf = Shelf[bytes](entries=ENTRIES, total_bytes=BYTES)
        # the catalog counts anew after a restart, but a sequence that clients have seen may never sink
        self._epoch = int(time.time())

    def update_sequence(self) -> int:
        """The current ``updateSequence``."""
        return self._epoch + self._service.catalog_version()

    def is_current(self, asked: str) -> bool:
        """Whether a client has the current document already (OWS Common clause 7.3.4).

        Raises OwsError InvalidUpdateSequence for one from the future; what is no number is no sequence of ours.
        """
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 20):
            return False
        current = self.update_sequence()
        if int(asked) > current:
            text = f"The update sequence {asked} is greater than the current one, {current}."
            raise OwsError(Code.INVALID_UPDATE_SEQUENCE, text)
        return int(asked) == current

    def document(self, key: Hashable, render: Callable[[], str]) -> bytes:
        """The document under ``key``, rendered if it is not there."""
        version = self._service.catalog_version()
        document = self._shelf.get(version, key)
        if document is None:
            document = render().encode()
            self._shelf.put(version, key, document, size=len(document))
        return document

    def descriptions(self, identifiers: tuple[str, ...]) -> list[ProcessDescription]:
        """The processes of those identifiers, in their order; ``ALL`` alone is every one. Raises NoSuchProcess."""
        if len(identifiers) != 1 or identifiers[0].upper() != "ALL":
            return [self._service.process(identifier).description for identifier in identifiers]
        everything = self.all()
        if not everything:
            raise NoSuchProcess("No process is published here.")
        return everything

    def all(self) -> list[ProcessDescription]:
        """Every process."""
        return [published.description for published in self._service.processes()]
