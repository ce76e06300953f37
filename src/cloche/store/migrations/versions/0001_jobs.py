"""Jobs and their events."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Text, text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "jobs",
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("id", Text, nullable=False, unique=True),
        Column("process", Text, nullable=False),
        Column("process_version", Text, nullable=False),
        Column("package", Text, nullable=False),
        Column("executor", Text, nullable=False),
        Column("protocol", Text, nullable=False),
        Column("request", Text, nullable=False),
        Column("limits", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("wanted", Text, nullable=False),
        Column("created", BigInteger, nullable=False),
        Column("updated", BigInteger, nullable=False),
        Column("overdue", BigInteger),
        Column("started", BigInteger),
        Column("finished", BigInteger),
        Column("expires", BigInteger),
        Column("progress", Integer, nullable=False),
        Column("message", Text, nullable=False),
        Column("failure", Text),
        Column("outputs", Text, nullable=False),
        Column("usage", Text),
        Column("handle", Text, nullable=False),
        Column("worker", Text, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("version", Integer, nullable=False),
        CheckConstraint(
            "(finished IS NULL) = (state NOT IN ('dismissed', 'failed', 'succeeded'))", name="jobs_finished"
        ),
    )
    _partial_index("jobs_unended", ["state", "position", "process"], "finished IS NULL")
    _partial_index("jobs_expires", ["expires"], "expires IS NOT NULL")
    op.create_table(
        "job_events",
        Column("job", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("time", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
        Column("text", Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "jobs", columns, sqlite_where=text(where), postgresql_where=text(where))
