"""Languages that both sides know (RFC 4647 and RFC 9110 clause 12.5.4)."""

from collections.abc import Sequence

from cloche.model.process import Translation


def by_header(header: str, offered: Sequence[str]) -> str:
    """The language to answer in, exactly as listed, that an Accept-Language ``header`` likes best; else the first."""
    if header and len(offered) > 1:
        for preferred in _preferences(header):
            if preferred == "*":
                break
            if chosen := match(preferred, offered):
                return chosen
    return offered[0]


def match(asked: str, offered: Sequence[str]) -> str | None:
    """``en`` finds ``en-US``; ``en-CA`` does not find ``en`` (CHECKLIST A 11)."""
    folded = asked.lower()
    exact = next((item for item in offered if item.lower() == folded), None)
    return exact or next((item for item in offered if item.lower().startswith(folded + "-")), None)


def translated(translations: Sequence[Translation], language: str, title: str, abstract: str) -> tuple[str, str]:
    """Title and abstract in ``language``, or as the author wrote them."""
    if not translations:
        return title, abstract
    by_tag = {item.language.lower(): item for item in translations}
    found = by_tag.get(language.lower()) or by_tag.get(language.lower().split("-")[0])
    return (found.title or title, found.abstract or abstract) if found else (title, abstract)


def _preferences(header: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for item in header[:500].split(","):
        tag, _, parameters = item.strip().partition(";")
        name, _, quality = parameters.strip().partition("=")
        try:
            weight = float(quality) if name.strip() == "q" else 1.0
        except ValueError:
            weight = 0.0
        if tag and weight > 0:
            weighted.append((weight, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]
