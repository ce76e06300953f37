"""Headers for bytes that user code made: no browser may take them for a page of ours."""

from urllib.parse import quote

ACTIVE = ("html", "xml", "svg", "script", "pdf", "flash")
"""Parts of media types that browsers may run something in."""
SANDBOX = b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


def headers(media_type: str, filename: str) -> tuple[tuple[bytes, bytes], ...]:
    """What may run is downloaded, and is boxed in should it be shown all the same."""
    kind = media_type.split(";", maxsplit=1)[0].lower()
    passive_xml = kind in {"text/xml", "application/xml"} or "gml" in kind
    active = not passive_xml and any(part in kind for part in ACTIVE)
    disposition = "attachment" if active else "inline"
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in filename)
    value = f'{disposition}; filename="{plain}"'
    if plain != filename:
        value += f"; filename*=UTF-8''{quote(filename, safe='')}"
    return (
        (b"content-disposition", value.encode()),
        (b"content-security-policy", SANDBOX),
        (b"cross-origin-resource-policy", b"cross-origin"),
    )
