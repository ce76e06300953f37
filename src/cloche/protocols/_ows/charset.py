"""XML in other encodings, to UTF-8: byte offsets then mean the same to everybody."""

import codecs
import re

from cloche.protocols._ows.errors import malformed

DECLARATION = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["']""")
BOMS = (
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BARE = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))  # XML 1.0 appendix F: no mark, but a recognizable start
ALLOWED = re.compile(r"utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|koi8-[ru]|shift_jis|euc_jp|gb18030|big5")


def detect(head: bytes, *, charset: str = "") -> str:
    """The Python codec of a document that begins with ``head``.

    A byte order mark beats the ``charset`` of the Content-Type, and that the declaration (RFC 7303 clause 3).
    Raises OwsError for encodings that are not read.
    """
    for mark, codec in BOMS:
        if head.startswith(mark):
            return codec or _refuse("UTF-32")
    bare = next((codec for start, codec in BARE if head.startswith(start)), "")
    declared = DECLARATION.match(head)
    label = bare or charset or (declared.group(1).decode() if declared else "utf-8")
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return _refuse(label)
    return name if ALLOWED.fullmatch(name) else _refuse(label)


def _refuse(label: str) -> str:
    raise malformed(f"XML in the encoding {label[:40]} is not read here.")


class ToUtf8:
    """Re-encodes a stream. Bytes that the encoding does not know are an OwsError."""

    def __init__(self, codec: str) -> None:
        self._decoder = None if codec in {"utf-8", "ascii"} else codecs.getincrementaldecoder(codec)()

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """``data`` in UTF-8. What is UTF-8 already passes untouched: expat checks it."""
        if self._decoder is None:
            return data
        try:
            return self._decoder.decode(data, final).encode()
        except UnicodeError:
            raise malformed("The request is not in the encoding that it declares.") from None
