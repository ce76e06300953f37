"""The protocols, strangers to each other: bytes of requests to ``service``, jobs to bytes.

``wps1`` (WPS 1.0.0), ``wps2`` (WPS 2.0), ``ogcapi`` (OGC API - Processes) and ``outputs`` (results as files);
``_ows`` is what both versions of WPS share, ``_http`` what every protocol needs of HTTP.
"""
