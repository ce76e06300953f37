"""What the operator decides about the OGC API."""

from dataclasses import dataclass, field
from urllib.parse import quote

from cloche.protocols._http.limits import BodyLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of the landing page to something else that this server answers."""

    href: str
    rel: str
    type: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OgcApiConfig:
    """``url`` is the public address of the server's root, without a slash at its end; ``languages`` as RFC 5646 tags,
    the first is the default. Inline results up to ``small_bytes`` are sent in one piece. ``links`` are added to the
    landing page. ``provider`` is a name with an address, for people. ``callbacks`` says whether subscribers are served,
    ``draft`` whether what draft 2.0 of Part 1 has in other ways is served as it has it.
    """

    url: str
    title: str = "Cloche"
    description: str = ""
    keywords: tuple[str, ...] = ()
    provider: str = ""
    provider_url: str = ""
    languages: tuple[str, ...] = ("en-US",)
    body: BodyLimits = field(default_factory=BodyLimits)
    small_bytes: int = 1 << 18
    links: tuple[Link, ...] = ()
    callbacks: bool = True
    draft: bool = False

    def address(self, path: str) -> str:
        """The public address of a path of the API."""
        return f"{self.url}{path}"

    def process(self, id: str) -> str:
        """Where a process is described."""
        return f"{self.url}/processes/{quote(id, safe='')}"

    def job(self, id: str) -> str:
        """Where the state of a job is found."""
        return f"{self.url}/jobs/{quote(id, safe='')}"

    def result(self, job: str, output: str) -> str:
        """Where one output of a job is found."""
        return f"{self.job(job)}/results/{quote(output)}"

    def output(self, job: str, name: str) -> str:
        """Where a stored file is found, with ranges and validators."""
        return f"{self.url}/outputs/{quote(job, safe='')}/{quote(name, safe='')}"
