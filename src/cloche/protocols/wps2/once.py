"""``Idempotency-Key``: an Execute request that is sent again begins no second job."""

import hashlib
import json

from cloche.model import codec
from cloche.model.data import ComplexData, ReferenceData
from cloche.model.execute import Execute
from cloche.ports.store import Once
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._ows.errors import invalid

HEADER = "idempotency-key"
LONGEST_KEY = 255
STEP = 1 << 20


def once(key: str | None, request: Execute, deposit: Deposit) -> Once | None:
    """The key belongs to the process; the digest is of all that the request says, its files included.

    Raises OwsError for a key that is none.
    """
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY:
        raise invalid("Idempotency-Key", f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    digest = hashlib.sha256(json.dumps(codec.encode(request), sort_keys=True).encode())
    for name in _files(request):
        for chunk in deposit.read(name, STEP):
            digest.update(chunk)
    named = hashlib.sha256(f"{request.process}\n{key}".encode("utf-8", "surrogateescape")).hexdigest()
    return Once(key=named, digest=digest.hexdigest())


def _files(request: Execute) -> list[str]:
    data = [item.data for item in request.inputs]
    inline = [item.file for item in data if isinstance(item, ComplexData)]
    return inline + [item.body for item in data if isinstance(item, ReferenceData) and item.body is not None]
