"""WPS 1.0.0 (OGC 05-007r7): KVP, XML and SOAP to ``service`` and back."""

from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._ows.config import Contact, ServiceMetadata
from cloche.protocols.wps1.config import Wps1Config
from cloche.protocols.wps1.endpoint import endpoint, job_routes, routes

__all__ = ["BodyLimits", "Contact", "ServiceMetadata", "Wps1Config", "endpoint", "job_routes", "routes"]
