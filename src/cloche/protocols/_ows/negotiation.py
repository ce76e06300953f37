"""Versions, languages and formats that both sides know (OWS Common 1.1 clauses 7.3 and 11)."""

from collections.abc import Sequence

from cloche.model.process import Translation
from cloche.protocols._ows.errors import Code, OwsError, invalid

XML_TYPES = ("text/xml", "application/xml")


def version(*, accepted: Sequence[str], asked: str, offered: Sequence[str]) -> str:
    """The version to answer GetCapabilities in; ``offered`` is in order of preference.

    Raises OwsError VersionNegotiationFailed.
    """
    if not accepted:
        accepted = (asked,) if asked else offered[:1]
    chosen = next((item for item in accepted if item in offered), None)
    if chosen is None:
        text = f"None of the versions {', '.join(accepted)} is offered; this service speaks {', '.join(offered)}."
        raise OwsError(Code.VERSION_NEGOTIATION_FAILED, text)
    return chosen


def media_type(accepted: Sequence[str]) -> str:
    """The XML media type that the client likes best; unknown formats never fail."""
    return next((item for item in (text.split(";")[0].strip() for text in accepted) if item in XML_TYPES), XML_TYPES[0])


def language(asked: str, offered: Sequence[str], *, header: str = "") -> str:
    """The language to answer in, exactly as listed: ``asked``, else by the Accept-Language ``header``, else the first.

    Raises OwsError InvalidParameterValue when ``asked`` is not offered.
    """
    if asked:
        chosen = _match(asked, offered)
        if chosen is None:
            raise invalid("language", f"The language {asked} is not offered; this service has {', '.join(offered)}.")
        return chosen
    if header and len(offered) > 1:
        for preferred in _preferences(header):
            if preferred == "*":
                break
            if chosen := _match(preferred, offered):
                return chosen
    return offered[0]


def preferred(accepted: Sequence[str], offered: Sequence[str], *, name: str, header: str = "") -> str:
    """The language to answer in, of a list in order of preference; ``*`` is any (OWS Common 2.0 clause 7.3.7).

    Without a list as ``language`` does. Raises OwsError InvalidParameterValue for the parameter ``name`` when nothing
    on the list is offered.
    """
    if not accepted:
        return language("", offered, header=header)
    for asked in accepted:
        if asked == "*":
            return offered[0]
        if chosen := _match(asked, offered):
            return chosen
    text = f"None of the languages {', '.join(accepted)} is offered; this service has {', '.join(offered)}."
    raise invalid(name, text)


def translated(translations: Sequence[Translation], language: str, title: str, abstract: str) -> tuple[str, str]:
    """Title and abstract in ``language``, or as the author wrote them."""
    if not translations:
        return title, abstract
    by_tag = {item.language.lower(): item for item in translations}
    found = by_tag.get(language.lower()) or by_tag.get(language.lower().split("-")[0])
    return (found.title or title, found.abstract or abstract) if found else (title, abstract)


def _match(asked: str, offered: Sequence[str]) -> str | None:
    """``en`` finds ``en-US``; ``en-CA`` does not find ``en`` (CHECKLIST A 11)."""
    folded = asked.lower()
    exact = next((item for item in offered if item.lower() == folded), None)
    return exact or next((item for item in offered if item.lower().startswith(folded + "-")), None)


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
