"""The bytes of one stored output as a response of their own."""

from cloche.model.data import StoredData
from cloche.protocols._http import safe
from cloche.protocols._http.encodings import gzipped, in_base64
from cloche.protocols._http.replies import Reply, Stream
from cloche.service.service import Service


def stored_reply(job: str, data: StoredData, service: Service, *, small_bytes: int) -> Reply:
    """Encoded as its format says; up to ``small_bytes`` in one piece. Raises NoSuchJob, NoSuchOutput."""
    encoding = data.format.encoding.lower()
    headers = safe.headers(data.format.media_type, data.name)
    chunks = service.read_output(job, data.name)
    size: int | None = data.size
    if encoding == "base64":
        chunks, size = in_base64(chunks), None
        headers = (*headers, (b"content-transfer-encoding", b"base64"))
    elif encoding == "gzip":
        chunks, size = gzipped(chunks), None
        headers = (*headers, (b"content-encoding", b"gzip"))
    small = data.size <= small_bytes
    return Reply(
        media_type=data.format.media_type or "application/octet-stream",
        segments=(b"".join(chunks) if small else Stream(chunks=lambda: chunks),),
        headers=headers,
        size=None if small else size,
    )
