"""A program that adds, claims and ends jobs of a database as fast as it can: rivals PATH NUMBER.

Prints, at each claim, the job's identifier, how many slots it sees occupied and how many jobs have not ended.
"""

import contextlib
import sys

from cloche.model.errors import ServerBusy
from cloche.model.execute import Mode
from cloche.model.state import OCCUPYING, State
from cloche.ports.store import Admission
from cloche.store import SqlStore
from jobs import a_job


def main(path: str, number: str) -> None:
    store = SqlStore(path)
    for turn in range(40):
        with contextlib.suppress(ServerBusy):
            store.add(a_job(), admission=Admission(parallel=3, waiting=4), mode=[Mode.SYNC, Mode.ASYNC][turn % 2])
        for job in store.claim(number, parallel=3, per_process={}, limit=3):
            states = store.counts()
            print(job.id, sum(states.get(state, 0) for state in OCCUPYING), sum(states.values()))
            running = store.move(job, State.RUNNING)
            store.move(store.move(running, State.FINISHING), State.SUCCEEDED)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
