"""Names that the standard gives to classes and relations."""

CLASSES = tuple(
    f"http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/{name}"
    for name in ("core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss")
)

_RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0"
CONFORMANCE = f"{_RELATIONS}/conformance"
PROCESSES = f"{_RELATIONS}/processes"
JOB_LIST = f"{_RELATIONS}/job-list"
EXECUTE = f"{_RELATIONS}/execute"
RESULTS = f"{_RELATIONS}/results"
EXCEPTIONS = f"{_RELATIONS}/exceptions"

JSON = "application/json"
HTML = "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
PROBLEM = "application/problem+json"
"""Without a charset: the conformance suite compares the text."""
