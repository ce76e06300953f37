"""Names of coordinate reference systems: many spellings, one meaning.

All spellings of a system mean the axis order of its authority (EPSG:4326: latitude first; CRS84: longitude first).
"""

import re

_SPELLINGS = (
    re.compile(r"\[?(?P<authority>[a-z][a-z0-9]*):(?P<code>[a-z0-9]+)\]?"),
    re.compile(r"urn:(?:x-)?ogc:(?:def:)?crs:(?P<authority>[a-z0-9]+):(?:[0-9.]*:)?(?P<code>[a-z0-9]+)"),
    re.compile(r"https?://www\.opengis\.net/def/crs/(?P<authority>[a-z0-9]+)/[0-9.]+/(?P<code>[a-z0-9]+)/?"),
    re.compile(r"https?://www\.opengis\.net/gml/srs/(?P<authority>[a-z0-9]+)\.xml#(?P<code>[a-z0-9]+)"),
)


def name(text: str) -> tuple[str, str]:
    """Authority and code, equal for equal systems; an unknown spelling stands for itself."""
    folded = text.strip().lower()
    for spelling in _SPELLINGS:
        if found := spelling.fullmatch(folded):
            return _fold(found["authority"], found["code"])
    return "", text.strip()


def longitude_axis(text: str) -> int | None:
    """Which axis of a geographic system is the longitude, as far as its name tells; None for other systems."""
    authority, code = name(text)
    if authority == "ogc":
        return 0
    # EPSG keeps 4000 to 4999 for geographic systems
    return 1 if authority == "epsg" and len(code) == 4 and code.isdecimal() and code[0] == "4" else None


def _fold(authority: str, code: str) -> tuple[str, str]:
    if authority in ("crs", "ogc"):
        return "ogc", code.removeprefix("crs")
    return authority, code.lstrip("0") if code.isdecimal() else code
