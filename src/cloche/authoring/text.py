"""Texts for clients: short, and without control characters."""

MAX_TEXT = 1000


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """One paragraph, printable, at most ``limit`` characters."""
    # far more than is kept is never worth walking through
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    joined = " ".join(printable.split())
    return joined if len(joined) <= limit else f"{joined[: limit - 1]}…"
