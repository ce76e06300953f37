"""The Prefer header (RFC 7240) as far as executions heed it (clause 7.11.2.3 of the standard)."""

import re
from dataclasses import dataclass

_PREFERENCE = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|([^\s,;\"]+)))?", re.IGNORECASE)
LONGEST_WAIT = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """``wait`` in seconds: how long the client is willing to wait for the results. ``returns``: ``minimal`` or
    ``representation``, of draft 2.0: large values as links, or within the answer.
    """

    respond_async: bool = False
    wait: int | None = None
    returns: str = ""

    @property
    def given(self) -> bool:
        """Whether there is anything to heed."""
        return self.respond_async or self.wait is not None


def parse(header: str) -> Preferences:
    """Unknown and malformed preferences are ignored, as RFC 7240 wants; the first of a name counts."""
    found: dict[str, str] = {}
    for item in header[:1000].split(","):
        matched = _PREFERENCE.match(item.strip())
        if matched:
            found.setdefault(matched[1].lower(), matched[2] or matched[3] or "")
    wait = found.get("wait", "")
    seconds = min(int(wait[:9]), LONGEST_WAIT) if wait.isascii() and wait.isdigit() else None
    returns = found.get("return", "")
    return Preferences(
        respond_async="respond-async" in found,
        wait=seconds,
        returns=returns if returns in ("minimal", "representation") else "",
    )
