"""Which operation a request asks for, and that it asks this service."""

from collections.abc import Collection

from cloche.protocols._ows.errors import Code, OwsError, invalid, missing
from cloche.protocols._ows.kvp import Kvp


def operation(query: Kvp, known: Collection[str]) -> str:
    """The operation of a KVP request, spelt as in ``known``. Raises OwsError (OWS Common 1.1 Table 26)."""
    check_service(query.get("service"))
    asked = query.get("request")
    if not asked:
        raise missing("request")
    return spelt(asked, known)


def check_service(service: str) -> None:
    """Raises OwsError unless it is WPS, in whatever case."""
    if not service:
        raise missing("service")
    if service.upper() != "WPS":
        raise invalid("service", f"This is a WPS; the service {service[:80]} is not found here.")


def check_version(version: str, offered: str) -> None:
    """Raises OwsError unless the ``version`` of a request is the one ``offered``."""
    if not version:
        raise missing("version")
    if version != offered:
        raise invalid("version", f"The version {version[:40]} is not offered here; GetCapabilities tells which are.")


def spelt(asked: str, known: Collection[str]) -> str:
    """Raises OwsError OperationNotSupported."""
    name = next((item for item in known if item.lower() == asked.lower()), None)
    if name is None:
        text = f"The operation {asked[:80]} is not offered; {', '.join(known)} are."
        raise OwsError(Code.OPERATION_NOT_SUPPORTED, text, locator=asked[:80])
    return name


def boolean(text: str, name: str) -> bool:
    """``xs:boolean``, an empty text being false. Raises OwsError InvalidParameterValue for the parameter ``name``."""
    folded = text.strip().lower()
    if folded in {"true", "1"}:
        return True
    if folded in {"false", "0", ""}:
        return False
    raise invalid(name, f"{name} is either true or false, not {text[:80]}.")
