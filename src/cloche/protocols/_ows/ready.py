"""Answers to GET that are the same for everybody, found again by the query string as it stands."""

from starlette.types import Scope

from cloche.protocols._http.replies import Ready, Reply
from cloche.protocols._http.shelf import Shelf

ENTRIES = 512
BYTES = 32 << 20
LONGEST_KEY = 1024


class ReadyReplies:
    """``by_language``: an answer differs by the Accept-Language header too."""

    def __init__(self, *, by_language: bool) -> None:
        self._by_language = by_language
        self._shelf = Shelf[Ready](entries=ENTRIES, total_bytes=BYTES)

    def get(self, version: int, scope: Scope) -> Ready | None:
        """The answer that was kept for the same question and ``version`` of what is published."""
        return self._shelf.get(version, self._key(scope))

    def keep(self, version: int, scope: Scope, reply: Reply) -> None:
        """Keep an answer, unless the question is too long to be asked often."""
        key = self._key(scope)
        if len(key[0]) + len(key[1]) <= LONGEST_KEY:
            ready = Ready(reply)
            self._shelf.put(version, key, ready, size=ready.size)

    def _key(self, scope: Scope) -> tuple[bytes, bytes]:
        if not self._by_language:
            return scope["query_string"], b""
        preferred = (value for name, value in scope["headers"] if name == b"accept-language")
        return scope["query_string"], next(preferred, b"")
