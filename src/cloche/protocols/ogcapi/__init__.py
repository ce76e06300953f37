"""OGC API - Processes, Part 1: Core 1.0 (OGC 18-062r2): JSON and HTML to ``service`` and back."""

from cloche.protocols.ogcapi.callbacks import CallbackMessages
from cloche.protocols.ogcapi.config import Link, OgcApiConfig
from cloche.protocols.ogcapi.routes import nowhere, routes

__all__ = ["CallbackMessages", "Link", "OgcApiConfig", "nowhere", "routes"]
