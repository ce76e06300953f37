"""What the code of a process raises on purpose, and what its declaration may do wrong.

ProcessError              the text is for the client
+-- WrongData             the data of an input are not what their format says
DeclarationError          at import: a decorated function cannot be published as it is written
Cancelled                 from ``job.progress`` once the job is being stopped
"""


class ProcessError(Exception):
    """The process cannot go on; ``text`` is for the client, ``input`` names the input at fault if there is one."""

    def __init__(self, text: str, *, input: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.input = input


class WrongData(ProcessError):
    """The data of an input are not what their format says; ``text`` is for the client and names what is wrong."""


class DeclarationError(TypeError):
    """A process is declared wrongly; the text names process, parameter and mend."""

    def about(self, subject: str) -> "DeclarationError":
        """The same, said of ``subject``."""
        return DeclarationError(f"{subject}: {self}")


class Cancelled(Exception):
    """The job is being stopped: leave quickly, nothing that is returned will be used."""
