"""Requests to a server that may die at any moment."""

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_TIMEOUT_S = 300.0
_AGAIN_S = 0.05


class Down(Exception):
    """No server has heard the request."""


class CutOff(Exception):
    """The server died before it had answered: nobody knows what it did."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body."""

    status: int
    text: str

    def __str__(self) -> str:
        return f"{self.status} {self.text[:600]}"


@dataclass(frozen=True, slots=True)
class Line:
    """A way to the server at that port of this machine."""

    port: int

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises Down or CutOff."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Down(str(error)) from None
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException) as error:
            raise CutOff(f"{type(error).__name__}: {error}") from None
        finally:
            connection.close()

    def insist(self, ask: Callable[[], Answer]) -> Answer:
        """Until a server answers; for what may be asked twice."""
        while True:
            try:
                return ask()
            except (Down, CutOff):
                time.sleep(_AGAIN_S)
