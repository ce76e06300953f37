# ruff: noqa: S608 - what is put into the texts is the list of columns below, nothing else
"""Every statement on the way of a job. Each guards its own transition; none ever looks at jobs that have ended.

Parameters are written ``:name``; ``dialect`` translates them for other databases.
"""

COLUMNS = (
    "position",
    "id",
    "process",
    "process_version",
    "package",
    "executor",
    "request",
    "limits",
    "state",
    "wanted",
    "created",
    "updated",
    "started",
    "finished",
    "expires",
    "progress",
    "message",
    "failure",
    "outputs",
    "usage",
    "handle",
    "worker",
    "attempt",
    "version",
)
_COLUMNS = ", ".join(COLUMNS)

# -> accepted. The transaction that holds it has counted first (COUNTS).
ADD = """
INSERT INTO jobs (id, process, process_version, package, executor, protocol, request, limits, state, wanted, created,
                  updated, overdue, progress, message, outputs, handle, worker, attempt, version)
VALUES (:id, :process, :process_version, :package, :executor, :protocol, :request, :limits, 'accepted', :wanted,
        :created, :created, :overdue, 0, '', '[]', '', '', 0, 0)
RETURNING position
"""

EVENT = "INSERT INTO job_events (job, number, time, state, text) VALUES (:job, :number, :time, :state, :text)"

GET = f"SELECT {_COLUMNS} FROM jobs WHERE id = :id"

# What occupies slots and what waits, by process: the numbers that admission and claim decide by.
COUNTS = """
SELECT process, state <> 'accepted' AS occupying, count(*) FROM jobs WHERE finished IS NULL GROUP BY 1, 2
"""

# Whether claim has anything to do: asked without the writer's lock.
ANY_WAITING = "SELECT 1 FROM jobs WHERE finished IS NULL AND state = 'accepted' AND wanted = 'run' LIMIT 1"

# The queue in its order; jobs that somebody wants paused or stopped are passed over.
WAITING = """
SELECT id, process FROM jobs WHERE finished IS NULL AND state = 'accepted' AND wanted = 'run' ORDER BY position
"""

# accepted -> starting
CLAIM = f"""
UPDATE jobs SET state = 'starting', worker = :worker, attempt = attempt + 1, version = version + 1, updated = :now
WHERE id = :id AND finished IS NULL AND state = 'accepted' AND wanted = 'run'
RETURNING {_COLUMNS}
"""

# from -> to, by compare-and-swap; what is NULL in the change stays as it is. Who has dismissed a job is not told later
# that it succeeded.
MOVE = """
UPDATE jobs SET state = :to, version = version + 1, updated = :now,
    handle = coalesce(:handle, handle), progress = coalesce(:progress, progress),
    message = coalesce(:message, message), failure = coalesce(:failure, failure),
    outputs = coalesce(:outputs, outputs), usage = coalesce(:usage, usage),
    started = coalesce(:started, started), finished = coalesce(:finished, finished),
    expires = coalesce(:expires, expires)
WHERE id = :id AND version = :version AND state = :from AND NOT (:to = 'succeeded' AND wanted = 'stop')
RETURNING wanted, progress, message
"""

# Any state -> the same one: what clients ask for.
# A dismissal is for good: a pause or a resume that comes at the same time does not undo it.
WANT = """
UPDATE jobs SET wanted = :wanted, updated = :now
WHERE id = :id AND finished IS NULL AND wanted <> :wanted AND wanted <> 'stop'
"""

# Any state -> the same one: what the execution says of itself.
NOTE = "UPDATE jobs SET progress = :progress, message = :message, updated = :now WHERE id = :id AND finished IS NULL"

# "+ 0" keeps the planner from walking through all of history in order to save a sort of the few that have not ended.
UNENDED = f"SELECT {_COLUMNS} FROM jobs WHERE finished IS NULL ORDER BY position + 0"

STOPPING = f"""
SELECT {_COLUMNS} FROM jobs WHERE finished IS NULL AND (wanted <> 'run' OR state = 'paused') ORDER BY position + 0
"""

OVERDUE = f"""
SELECT {_COLUMNS} FROM jobs WHERE finished IS NULL AND state = 'accepted' AND overdue < :now ORDER BY position
"""

EXPIRED = f"SELECT {_COLUMNS} FROM jobs WHERE expires IS NOT NULL AND expires < :now ORDER BY expires LIMIT :limit"

EVENTS = "SELECT number, time, state, text FROM job_events WHERE job = :job AND number > :after ORDER BY number"

STATES = "SELECT state, count(*) FROM jobs WHERE finished IS NULL GROUP BY state"

# A job that has not ended is never forgotten.
FORGET = "DELETE FROM jobs WHERE id = :id AND finished IS NOT NULL"
FORGET_EVENTS = "DELETE FROM job_events WHERE job = :id AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = :id)"

# A key that is taken keeps the job that took it; nobody is told of a job that is forgotten.
ONCE = "SELECT job, digest FROM once WHERE key = :key"
REMEMBER = "INSERT INTO once (key, digest, job) VALUES (:key, :digest, :job)"
FORGET_ONCE = "DELETE FROM once WHERE job = :id AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = :id)"

TELL = "INSERT INTO callbacks (job, state, url, tries, due) VALUES (:job, :state, :url, 0, :due)"
TO_TELL = "SELECT number, job, state, url, tries FROM callbacks WHERE due <= :now ORDER BY due, number LIMIT :limit"
TOLD = "DELETE FROM callbacks WHERE number = :number"
TELL_AGAIN = "UPDATE callbacks SET tries = tries + 1, due = :due WHERE number = :number"
FORGET_CALLBACKS = "DELETE FROM callbacks WHERE job = :id AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = :id)"
