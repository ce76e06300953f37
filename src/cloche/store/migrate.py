"""Brings a database to the schema of this version."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from cloche.ports.store import StoreUnavailable
from cloche.store.schema import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Run what is missing, in one transaction. Raises StoreUnavailable where a newer version wrote the database."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # servers that start together take turns
        upgrade(connection)
        connection.commit()


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Run the migrations up to ``revision`` on a connection; the caller commits. Raises StoreUnavailable."""
    # alembic costs a sixth of a second to import: only who migrates pays
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreUnavailable(f"the job database was written by another version of Cloche: {error}") from error


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    connection.rollback()
    return version
