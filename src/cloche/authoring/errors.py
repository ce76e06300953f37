"""What the code of a process raises on purpose."""


class ProcessError(Exception):
    """The process cannot go on; ``text`` is for the client."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WrongData(ProcessError):
    """The data of an input are not what their format says; ``text`` is for the client and names what is wrong."""
