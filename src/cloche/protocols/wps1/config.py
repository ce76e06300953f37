"""What the operator decides about the WPS 1.0.0 endpoint."""

from dataclasses import dataclass, field

from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._ows.config import ServiceMetadata
from cloche.protocols.wps1.requests import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Wps1Config:
    """``url`` is the public address of the server's root, without a slash at its end; ``languages`` as RFC 5646 tags,
    the first is the default. Inline results up to ``small_bytes`` are sent in one piece. ``path`` is where the endpoint
    lies, and ``versions`` is all that is spoken there.
    """

    url: str
    metadata: ServiceMetadata = field(default_factory=ServiceMetadata)
    languages: tuple[str, ...] = ("en-US",)
    body: BodyLimits = field(default_factory=BodyLimits)
    small_bytes: int = 1 << 18
    path: str = "/wps"
    versions: tuple[str, ...] = (VERSION,)

    @property
    def endpoint(self) -> str:
        """The public address of the endpoint."""
        return f"{self.url}{self.path}"

    def status_location(self, job: str) -> str:
        """Where the state and the results of a job are found."""
        return f"{self.url}/wps/jobs/{job}"

    def output_location(self, job: str, name: str) -> str:
        """Where a stored output is found."""
        return f"{self.url}/outputs/{job}/{name}"
