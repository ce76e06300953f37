"""What a service takes from a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """What a request body may be.

    ``max_bytes`` counts the body as sent and again as decompressed; up to ``memory_bytes`` it is kept in memory,
    then in the intake. ``max_depth`` and ``max_nodes`` bound the request's own elements, ``max_payload_depth`` those
    inside of complex data, ``max_token_bytes`` one tag, comment or processing instruction, ``max_text`` the
    characters of all literal values. ``idle_seconds`` is how long a client may send nothing.
    """

    max_bytes: int = 1 << 30
    memory_bytes: int = 1 << 18
    max_depth: int = 32
    max_nodes: int = 50_000
    max_attributes: int = 64
    max_payload_depth: int = 1_000
    max_token_bytes: int = 1 << 20
    max_text: int = 1 << 22
    idle_seconds: float = 60.0
