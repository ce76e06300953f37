"""Where databases differ, as a value each."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class Rows(Protocol):
    """A cursor after its statement."""

    rowcount: int

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """What sqlite3 and psycopg connections have in common. Parameters are written ``:name``."""

    def execute(self, sql: str, parameters: Mapping[str, object] = ..., /) -> Rows:
        """Run one statement."""
        ...


@cache
def _pyformat(sql: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", sql)


class Translated:
    """A psycopg connection that understands ``:name``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Rows:
        """Run one statement."""
        return self._connection.execute(_pyformat(sql), parameters or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """``begin`` opens a writing transaction; ``serialise`` makes admissions and claims follow one another.

    ``for_update`` ends the query for waiting jobs; ``on_connect`` is said to each new connection; ``speak`` makes a
    driver's connection ours.
    """

    begin: str
    serialise: str | None
    for_update: str
    on_connect: tuple[str, ...]
    speak: Callable[[Any], Connection]


def _plain(connection: Any) -> Connection:
    spoken: Connection = connection
    return spoken


SQLITE = Dialect(
    # the writer's lock is taken at once: a transaction that read first could not be promoted under load
    begin="BEGIN IMMEDIATE",
    serialise=None,
    for_update="",
    on_connect=(
        "PRAGMA journal_mode = WAL",
        # a crash of the host may lose the last moves, never tear the database; executions that ran then are told by
        # the boot id
        "PRAGMA synchronous = NORMAL",
        "PRAGMA wal_autocheckpoint = 4000",
    ),
    speak=_plain,
)

POSTGRESQL = Dialect(
    begin="BEGIN",
    # counts are taken over many rows: locks on the rows themselves could not keep two claims from both seeing a slot
    serialise="SELECT pg_advisory_xact_lock(7101)",
    for_update="FOR UPDATE SKIP LOCKED",
    on_connect=(),
    speak=Translated,
)

DIALECTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
