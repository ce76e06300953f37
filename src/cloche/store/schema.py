"""The tables as they are now. Migrations lead here: a test compares the two.

Times are microseconds since 1970 UTC. ``request``, ``limits``, ``failure``, ``outputs`` and ``usage`` are JSON of the
model's codec.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, Table, Text, text

from cloche.model.state import ENDED

HEAD = "0003"

_ended = ", ".join(f"'{state}'" for state in sorted(ENDED))

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    # the order of arrival: the queue's order, and the order of lists
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
    # when the job has waited for too long; none: it may wait for ever
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
    # the indexes below rest on it
    CheckConstraint(f"(finished IS NULL) = (state NOT IN ({_ended}))", name="jobs_finished"),
)

# Everything that is asked on the way of a job looks at jobs that have not ended; this index holds no others, so that
# its size, and the cost of counting and claiming, do not grow with history.
Index("jobs_unended", jobs.c.state, jobs.c.position, jobs.c.process, sqlite_where=text("finished IS NULL"),
      postgresql_where=text("finished IS NULL"))  # fmt: skip
Index("jobs_expires", jobs.c.expires, sqlite_where=text("expires IS NOT NULL"),
      postgresql_where=text("expires IS NOT NULL"))  # fmt: skip

# Lists of jobs. What has ended does not change, so these three are written once for each job, at its end.
Index("jobs_created", jobs.c.created)
for _name, *_columns in (
    ("jobs_ended_state", jobs.c.state, jobs.c.created),
    ("jobs_ended_process", jobs.c.process, jobs.c.state, jobs.c.created),
    ("jobs_ended_lasted", jobs.c.finished - jobs.c.started),
):
    Index(_name, *_columns, sqlite_where=text("finished IS NOT NULL"), postgresql_where=text("finished IS NOT NULL"))

# Append-only. ``number`` is the version that the move gave the job, counted from 1.
job_events = Table(
    "job_events",
    metadata,
    Column("job", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Requests that are not carried out twice.
once = Table(
    "once",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("job", Text, nullable=False, index=True),
)

# What subscribers have not been told yet: written in the transaction of the move, gone when they know.
callbacks = Table(
    "callbacks",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("job", Text, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", BigInteger, nullable=False, index=True),
)
