"""How much there is to send."""

from cloche.model.data import StoredData
from cloche.model.job import Job


def is_small(job: Job, most: int) -> bool:
    """Whether all stored outputs together have at most that many bytes: they are sent without waiting in a line."""
    return sum(output.data.size for output in job.outputs if isinstance(output.data, StoredData)) <= most
