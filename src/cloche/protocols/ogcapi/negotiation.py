"""What the client wants to see: ``f``, else Accept (RFC 9110 clause 12.5.1)."""

from collections.abc import Sequence

from cloche.protocols.ogcapi.conformance import HTML, JSON
from cloche.protocols.ogcapi.problems import Problem, Refused, bad_parameter

FORMATS = {"json": JSON, "html": HTML, "text": "text/plain"}


def negotiate(accept: str, f: str | None, offered: Sequence[str] = (JSON, HTML)) -> str:
    """One of ``offered``, the first of them where the client does not mind.

    Raises Refused: 400 where ``f`` names none of them, 406 where Accept has none.
    """
    if f is not None:
        named = next((kind for kind in offered if f == kind or FORMATS.get(f) == kind), None)
        if named is None:
            names = ", ".join(name for name, kind in FORMATS.items() if kind in offered)
            raise bad_parameter("f", f"{f[:40]!r} is not among {names}.")
        return named
    if not accept or accept == "*/*":
        return offered[0]
    best = max(offered, key=lambda kind: quality(accept, kind))
    if quality(accept, best) <= 0:
        raise Refused(
            Problem(status=406, detail=f"None of the media types asked for is had here; {', '.join(offered)} are.")
        )
    return best


def quality(accept: str, kind: str) -> float:
    """How much the client wants ``kind``, by the most specific range that has it; 0: not at all."""
    essence = kind.partition(";")[0].strip().lower()
    found = (-1, 0.0)
    for item in accept[:2000].lower().split(","):
        name, _, parameters = item.partition(";")
        specific = _specificity(name.strip(), essence)
        if specific >= 0:
            found = max(found, (specific, _weight(parameters)))
    return found[1]


def _specificity(name: str, essence: str) -> int:
    if name == essence:
        return 2
    if name.endswith("/*") and essence.startswith(name[:-1]) and name != "*/*":
        return 1
    return 0 if name == "*/*" else -1


def _weight(parameters: str) -> float:
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
