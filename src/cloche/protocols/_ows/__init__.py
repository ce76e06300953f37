"""What the OGC Web Processing Services share: requests in KVP, XML and SOAP, reports, XML replies."""
