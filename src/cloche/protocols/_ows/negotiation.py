"""Versions, languages and formats that both sides know (OWS Common 1.1 clauses 7.3 and 11)."""

from collections.abc import Sequence

from cloche.protocols._http.languages import by_header, match
from cloche.protocols._ows.errors import Code, OwsError, invalid

XML_TYPES = ("text/xml", "application/xml")


def version(*, accepted: Sequence[str], asked: str, offered: Sequence[str], spoken: Sequence[str] = ()) -> str:
    """The version to answer GetCapabilities in; ``offered`` is in order of preference.

    ``spoken`` are those of the whole endpoint, to name to a client that accepts none of them.

    Raises OwsError VersionNegotiationFailed.
    """
    if not accepted:
        accepted = (asked,) if asked else offered[:1]
    chosen = next((item for item in accepted if item in offered), None)
    if chosen is None:
        text = (
            f"None of the versions {', '.join(accepted)[:80]} is offered; "
            f"this service speaks {', '.join(spoken or offered)}."
        )
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
        chosen = match(asked, offered)
        if chosen is None:
            raise invalid("language", f"The language {asked} is not offered; this service has {', '.join(offered)}.")
        return chosen
    return by_header(header, offered)


def preferred(accepted: Sequence[str], offered: Sequence[str], *, name: str, header: str = "") -> str:
    """The language to answer in, of a list in order of preference; ``*`` is any (OWS Common 2.0 clause 7.3.7).

    Without a list by the Accept-Language ``header``. Raises OwsError InvalidParameterValue for the parameter ``name``
    when nothing on the list is offered.
    """
    if not accepted:
        return by_header(header, offered)
    for asked in accepted:
        if asked == "*":
            return offered[0]
        if chosen := match(asked, offered):
            return chosen
    text = f"None of the languages {', '.join(accepted)} is offered; this service has {', '.join(offered)}."
    raise invalid(name, text)
