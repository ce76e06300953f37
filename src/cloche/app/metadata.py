"""``[metadata]`` as the protocols want it."""

from cloche.app.settings import Metadata
from cloche.protocols._ows.config import Contact, ServiceMetadata


def service_metadata(given: Metadata) -> ServiceMetadata:
    """Identification and provider of the service."""
    return ServiceMetadata(
        title=given.identification_title,
        abstract=given.identification_abstract,
        keywords=given.identification_keywords,
        keywords_type=given.identification_keywords_type,
        profiles=tuple(filter(None, [given.identification_profile])),
        fees=given.identification_fees,
        access_constraints=(given.identification_accessconstraints,),
        provider_name=given.provider_name,
        provider_site=given.provider_url,
        contact=_contact(given),
    )


def _contact(given: Metadata) -> Contact:
    return Contact(
        individual=given.contact_name,
        position=given.contact_position,
        role=given.contact_role,
        phone=given.contact_phone,
        fax=given.contact_fax,
        delivery_point=given.contact_address,
        city=given.contact_city,
        administrative_area=given.contact_stateorprovince,
        postal_code=given.contact_postalcode,
        country=given.contact_country,
        email=given.contact_email,
        url=given.contact_url,
        hours=given.contact_hours,
        instructions=given.contact_instructions,
    )
