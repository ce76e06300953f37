"""Takes over what another server process left unended. The lock on the data directory proves that it is dead."""

from collections.abc import Callable

import structlog

from cloche.engine.case import Case
from cloche.engine.policy import Policy
from cloche.engine.worker import same_boot
from cloche.model.job import Failure, FailureKind, Job
from cloche.model.state import State
from cloche.ports.executor import Handle
from cloche.ports.storage import Storage
from cloche.ports.store import JobStore

log = structlog.get_logger("cloche.engine")


def adopt(
    store: JobStore,
    storage: Storage,
    policy: Policy,
    worker: str,
    *,
    opened: Callable[[Job], Case],
    fail: Callable[[Case, Failure], None],
) -> list[Case]:
    """Open a case for every claimed job; those that died with the host fail at once.

    A job that was being started is looked for before it is started again; ``started.json`` makes sure that it runs
    once. A job whose outputs were being collected is collected again.
    """
    adopted = []
    for job in store.unended():
        if job.state is State.ACCEPTED:
            continue
        case = opened(job)
        if job.handle:
            case.handle = Handle(key=job.id, native=job.handle)
        case.asked = True
        # files written shortly before a crash of the host may be torn although they are there: no evidence counts
        if job.executor not in policy.remote and not same_boot(job.worker, worker):
            text = "The execution was lost: the host was restarted while the job ran."
            fail(case, Failure(kind=FailureKind.LOST, text=text))
            continue
        if job.state is State.FINISHING:
            storage.delete(job.id)  # what was stored by half
        log.info("job adopted", job=job.id, state=job.state.value)
        adopted.append(case)
    return adopted
