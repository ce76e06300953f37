"""Connections and transactions: one writer, as many readers as threads ask for."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Select, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from cloche.ports.store import StoreUnavailable
from cloche.store.dialect import DIALECTS, Connection

_BUSY = 5  # SQLITE_BUSY
_FULL = 13  # SQLITE_FULL
_DISK_FULL = "53100"  # PostgreSQL
_RETRY_S = 0.01


class Database:
    """Plain driver connections out of an SQLAlchemy engine: a statement costs microseconds, not its compilation.

    SQLite knows one writer at a time, so there is one connection for writing, and threads take turns before the
    database makes them wait. Readers see the last committed state and never wait.
    """

    def __init__(self, url: str | Path, *, busy_timeout: float = 10) -> None:
        parsed = make_url(f"sqlite:///{url}" if isinstance(url, Path) or "://" not in url else url)
        self.dialect = DIALECTS[parsed.get_backend_name()]
        arguments: dict[str, object] = {}
        if self.dialect is DIALECTS["sqlite"]:
            arguments = {"check_same_thread": False, "timeout": busy_timeout, "isolation_level": None}
            Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            parsed,
            connect_args=arguments,
            poolclass=QueuePool,
            pool_size=48,
            max_overflow=-1,
            pool_reset_on_return=None,
        )
        event.listen(self.engine, "connect", self._configure)
        driver = self.engine.dialect.loaded_dbapi
        self._trouble: type[Exception] = driver.Error
        self._wrong: type[Exception] = driver.IntegrityError
        self._busy_timeout = busy_timeout
        self._lock = threading.Lock()
        self._fairy: Any = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for one statement. Raises StoreUnavailable."""
        try:
            fairy = self.engine.raw_connection()
            try:
                yield self.dialect.speak(fairy.driver_connection)
            finally:
                fairy.close()
        except self._trouble as error:
            raise self._unavailable(error) from error

    @contextmanager
    def writing(self, *, serial: bool = False) -> Iterator[Connection]:
        """A connection in a transaction that is committed at the end, rolled back on any exception.

        ``serial``: no other serial transaction overlaps. Raises StoreUnavailable.
        """
        with self._lock:
            try:
                connection = self._writer()
                connection.execute(self.dialect.begin)
                try:
                    if serial and self.dialect.serialise:
                        connection.execute(self.dialect.serialise)
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    self._roll_back(connection)
                    raise
            except self._wrong:
                raise
            except self._trouble as error:
                raise self._unavailable(error) from error

    def select(self, query: Select[Any]) -> Sequence[Any]:
        """The rows of a query of many shapes. Raises StoreUnavailable."""
        try:
            with self.engine.connect() as connection:
                return connection.execute(query).fetchall()
        except DBAPIError as error:
            raise self._unavailable(error.orig or error) from error

    def close(self) -> None:
        """Give back all connections."""
        with self._lock:
            if self._fairy is not None:
                self._fairy.close()
                self._fairy = None
            self.engine.dispose()

    def _writer(self) -> Connection:
        if self._fairy is None:
            self._fairy = self.engine.raw_connection()
        return self.dialect.speak(self._fairy.driver_connection)

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except self._trouble:  # SQLite rolled back by itself (a full disk), or the connection is gone
            self._fairy.invalidate()
            self._fairy = None

    def _configure(self, connection: Connection, _record: object) -> None:
        for statement in self.dialect.on_connect:
            self._insist(connection, statement)

    def _insist(self, connection: Connection, statement: str) -> None:
        """Run it, again while the database is locked: SQLite does not wait to change the journal's mode."""
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                connection.execute(statement)
            except self._trouble as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != _BUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_S)
            else:
                return

    def _unavailable(self, error: BaseException) -> StoreUnavailable:
        full = getattr(error, "sqlite_errorcode", None) == _FULL or getattr(error, "sqlstate", None) == _DISK_FULL
        return StoreUnavailable(f"the job database cannot be used: {error}", full=full)
