"""How referenced data comes in."""

from pathlib import Path
from typing import Protocol

from cloche.model.data import ReferenceData


class Fetcher(Protocol):
    """Fetches references on the server's side, behind the guard against forged requests."""

    def fetch(self, reference: ReferenceData, *, into: Path, bodies: Path, max_bytes: int | None) -> int:
        """Write the data to the file ``into``; ``bodies`` is where ``reference.body`` lies. Returns the size in bytes.

        gzip and base64 that ``reference.format.encoding`` declares are undone. Raises DataNotAccessible, SizeExceeded
        (both without locator: the caller knows the input); concurrent.futures.CancelledError when ``cancel`` or the
        server's end came between.
        """
        ...

    def cancel(self, folder: Path) -> None:
        """End what is being fetched into ``folder`` or below. Idempotent."""
        ...
