"""Service identification, provider and operations; the same markup in OWS Common 1.1 and 2.0."""

from collections.abc import Sequence

from cloche.protocols._ows.config import Contact, ServiceMetadata
from cloche.protocols._ows.markup import leaf, leaves, node, optional


def identification(metadata: ServiceMetadata, *, versions: Sequence[str]) -> str:
    """``ows:ServiceIdentification``."""
    keywords = leaves("ows:Keyword", metadata.keywords) + optional("ows:Type", metadata.keywords_type)
    return node(
        "ows:ServiceIdentification",
        leaf("ows:Title", metadata.title),
        optional("ows:Abstract", metadata.abstract),
        node("ows:Keywords", keywords) if metadata.keywords else "",
        leaf("ows:ServiceType", "WPS"),
        leaves("ows:ServiceTypeVersion", versions),
        leaves("ows:Profile", metadata.profiles),
        optional("ows:Fees", metadata.fees),
        leaves("ows:AccessConstraints", metadata.access_constraints),
    )


def provider(metadata: ServiceMetadata) -> str:
    """``ows:ServiceProvider``."""
    contact = metadata.contact
    return node(
        "ows:ServiceProvider",
        leaf("ows:ProviderName", metadata.provider_name),
        _link("ows:ProviderSite", metadata.provider_site),
        node(
            "ows:ServiceContact",
            optional("ows:IndividualName", contact.individual),
            optional("ows:PositionName", contact.position),
            _contact_info(contact),
            optional("ows:Role", contact.role),
        ),
    )


def operations(endpoint: str, gettable: Sequence[str], postable: Sequence[str]) -> str:
    """``ows:OperationsMetadata`` for one endpoint. KVP addresses end where the query begins."""
    names = sorted({*gettable, *postable}, key=[*gettable, *postable].index)
    return node(
        "ows:OperationsMetadata",
        *(
            node(
                "ows:Operation",
                node(
                    "ows:DCP",
                    node(
                        "ows:HTTP",
                        _link("ows:Get", f"{endpoint}?") if name in gettable else "",
                        _link("ows:Post", endpoint) if name in postable else "",
                    ),
                ),
                attributes={"name": name},
            )
            for name in names
        ),
    )


def _contact_info(contact: Contact) -> str:
    phone = optional("ows:Voice", contact.phone) + optional("ows:Facsimile", contact.fax)
    address = (
        optional("ows:DeliveryPoint", contact.delivery_point)
        + optional("ows:City", contact.city)
        + optional("ows:AdministrativeArea", contact.administrative_area)
        + optional("ows:PostalCode", contact.postal_code)
        + optional("ows:Country", contact.country)
        + optional("ows:ElectronicMailAddress", contact.email)
    )
    info = (
        (node("ows:Phone", phone) if phone else "")
        + (node("ows:Address", address) if address else "")
        + _link("ows:OnlineResource", contact.url)
        + optional("ows:HoursOfService", contact.hours)
        + optional("ows:ContactInstructions", contact.instructions)
    )
    return node("ows:ContactInfo", info) if info else ""


def _link(tag: str, href: str) -> str:
    return node(tag, attributes={"xlink:href": href}) if href else ""
