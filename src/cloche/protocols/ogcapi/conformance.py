"""Names that the standard gives to classes and relations."""

_NAMES = ("core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss")
_SPECIFICATION = "http://www.opengis.net/spec/ogcapi-processes-1"
CLASSES = tuple(f"{_SPECIFICATION}/1.0/conf/{name}" for name in _NAMES)
CLASSES_OF_DRAFT = tuple(f"{_SPECIFICATION}/2.0/conf/{name}" for name in (*_NAMES, "kvp-execute"))

_PROFILES = "http://www.opengis.net/def/profile/OGC/0"
PROFILE_OF_RESULTS = f'<{_PROFILES}/ogc-results>; rel="profile"'.encode()
PROFILE_OF_PROCESSES = f'<{_PROFILES}/ogc-process-description>; rel="profile"'.encode()

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
