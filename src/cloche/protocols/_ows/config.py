"""What a service says of itself."""

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
