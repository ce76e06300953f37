"""What the operator decides about the WPS 2.0 endpoint."""

from dataclasses import dataclass, field
from urllib.parse import quote

from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._ows.config import ServiceMetadata
from cloche.protocols.wps2.requests import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Wps2Config:
    """``url`` is the public address of the server's root, without a slash at its end; ``languages`` as RFC 5646 tags,
    the first is the default. Inline results up to ``small_bytes`` are sent in one piece. ``path`` is where the endpoint
    lies, and ``versions`` is all that is spoken there.

    For ``grace_seconds`` after a job was accepted GetStatus and GetResult wait for its end: clients ask at once, and
    most executions are short. ``poll_seconds`` are the shortest and the longest time to the next poll.
    """

    url: str
    metadata: ServiceMetadata = field(default_factory=ServiceMetadata)
    languages: tuple[str, ...] = ("en-US",)
    body: BodyLimits = field(default_factory=BodyLimits)
    small_bytes: int = 1 << 18
    path: str = "/wps"
    versions: tuple[str, ...] = (VERSION,)
    grace_seconds: float = 1.0
    poll_seconds: tuple[float, float] = (1.0, 60.0)

    @property
    def endpoint(self) -> str:
        """The public address of the endpoint."""
        return f"{self.url}{self.path}"

    def stored_location(self, job: str, name: str) -> str:
        """Where a stored output is found."""
        return f"{self.url}/outputs/{quote(job, safe='')}/{quote(name, safe='')}"

    def value_location(self, job: str, output: str) -> str:
        """Where an output is found that is no file."""
        return f"{self.url}/wps/jobs/{quote(job, safe='')}/results/{quote(output)}"
