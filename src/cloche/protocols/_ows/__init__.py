"""What the OGC Web Processing Services share: requests in KVP, XML and SOAP, bodies, reports, replies, waiting."""
