"""Idempotency keys, and what subscribers have to be told."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "once",
        Column("key", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("job", Text, nullable=False, index=True),
    )
    op.create_table(
        "callbacks",
        Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("job", Text, nullable=False, index=True),
        Column("state", Text, nullable=False),
        Column("url", Text, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("due", BigInteger, nullable=False, index=True),
    )
