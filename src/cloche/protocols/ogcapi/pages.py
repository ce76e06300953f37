"""Resources as HTML pages: each shows all that its JSON says, with every link (conformance class html)."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cloche import __version__
from cloche.protocols.ogcapi.config import OgcApiConfig

POLICY = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'",
)


class Pages:
    """One template for each kind of resource; everything that is put into them is escaped."""

    def __init__(self, config: OgcApiConfig) -> None:
        self._environment = Environment(
            loader=PackageLoader("cloche.protocols.ogcapi"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(service=config, version=__version__)
        self._environment.filters.update(schema=schema_in_words, web=_web_address)

    def render(self, template: str, data: dict[str, Any], **more: Any) -> bytes:
        """``data`` is the JSON of the resource."""
        return self._environment.get_template(f"{template}.html").render(data=data, **more).encode()


def schema_in_words(schema: Any) -> str:
    """A JSON Schema in a few words; its text stands beside it."""
    if not isinstance(schema, dict):
        return "anything"
    for key, joint in (("oneOf", " or "), ("anyOf", " or ")):
        if key in schema:
            return joint.join(dict.fromkeys(schema_in_words(branch) for branch in schema[key]))
    if "allOf" in schema:
        known = [branch["format"] for branch in schema["allOf"] if isinstance(branch, dict) and "format" in branch]
        return "bounding box" if "ogc-bbox" in known else " and ".join(schema_in_words(b) for b in schema["allOf"])
    if schema.get("contentMediaType"):
        return str(schema["contentMediaType"])
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"][:12])
    name = str(schema.get("format") or schema.get("type") or "anything")
    members = f" of {', '.join(schema['properties'])}" if schema.get("properties") else ""
    return name + members + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    words = []
    if low is not None:
        words.append(f"{'more than' if schema.get('exclusiveMinimum') else 'from'} {low}")
    if high is not None:
        words.append(f"{'less than' if schema.get('exclusiveMaximum') else 'up to'} {high}")
    return f" {' '.join(words)}" if words else ""


def _web_address(href: object) -> Markup | str:
    """What may stand in ``href``: nothing that a browser would run."""
    text = str(href)
    return text if text.lower().startswith(("http://", "https://", "/", "mailto:")) else ""
