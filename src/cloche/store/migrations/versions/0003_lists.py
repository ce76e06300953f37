"""Lists of jobs by state, by process and by duration, however long history is."""

from alembic import op
from sqlalchemy import TextClause, text

revision = "0003"
down_revision = "0002"

ENDED = "finished IS NOT NULL"


def upgrade() -> None:
    """Create the indexes."""
    op.create_index("jobs_created", "jobs", ["created"])
    _of_ended("jobs_ended_state", "state", "created")
    _of_ended("jobs_ended_process", "process", "state", "created")
    _of_ended("jobs_ended_lasted", text("finished - started"))


def _of_ended(name: str, *columns: str | TextClause) -> None:
    op.create_index(name, "jobs", [*columns], sqlite_where=text(ENDED), postgresql_where=text(ENDED))
