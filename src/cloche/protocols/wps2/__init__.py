"""WPS 2.0 (OGC 14-065r2): KVP, XML and SOAP to ``service`` and back, with pause and resume as an extension."""

from cloche.protocols.wps2.config import Wps2Config
from cloche.protocols.wps2.endpoint import endpoint, result_routes, routes

__all__ = ["Wps2Config", "endpoint", "result_routes", "routes"]
