"""What reading a request refuses, in no protocol's words: whoever answers translates it."""


class BodyRefused(Exception):
    """A body that cannot be taken; ``status`` is that of HTTP: 400, 408, 413 or 415."""

    def __init__(self, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
