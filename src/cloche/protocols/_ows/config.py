"""What a service says of itself, and what it takes from a request."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who answers for the service (OWS Common ``ServiceContact``); empty fields are left out."""

    individual: str = ""
    position: str = ""
    role: str = "pointOfContact"
    phone: str = ""
    fax: str = ""
    delivery_point: str = ""
    city: str = ""
    administrative_area: str = ""
    postal_code: str = ""
    country: str = ""
    email: str = ""
    url: str = ""
    hours: str = ""
    instructions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMetadata:
    """Service identification and provider (OWS Common 1.1 clauses 7.4.4 and 7.4.5)."""

    title: str = "Cloche"
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    keywords_type: str = ""
    profiles: tuple[str, ...] = ()
    fees: str = "NONE"
    access_constraints: tuple[str, ...] = ("NONE",)
    provider_name: str = "Cloche"
    provider_site: str = ""
    contact: Contact = field(default_factory=Contact)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """What a request body may be.

    ``max_bytes`` counts the body as sent and again as decompressed; up to ``memory_bytes`` it is kept in memory,
    then in the intake. ``max_depth`` and ``max_nodes`` bound the request's own elements, ``max_payload_depth`` those
    inside of complex data, ``max_token_bytes`` one tag, comment or processing instruction, ``max_text`` the
    characters of all literal values. ``idle_seconds`` is how long a client may send nothing.
    """

    max_bytes: int = 1 << 30
    memory_bytes: int = 1 << 18
    max_depth: int = 32
    max_nodes: int = 50_000
    max_attributes: int = 64
    max_payload_depth: int = 1_000
    max_token_bytes: int = 1 << 20
    max_text: int = 1 << 22
    idle_seconds: float = 60.0
