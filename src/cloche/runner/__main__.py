"""``python -m cloche.runner``: run one job, describe a package, or be a zygote.

JOBDIR            run the job in that directory under a supervisor, without walls: the caller has them
describe PACKAGE  print the package's process descriptions as JSON
zygote FD         serve an executor on that socket
idle PACKAGE [network]  be the first process of a container: run one job in /job when standard input says so
look              say as JSON which walls executions would have in this container
trial FD          the same as zygote, with a process that only says that it ran: to learn what this host can do
"""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from cloche.jobdir.files import read_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Letter, Level, Order
from cloche.jobdir.records import TaskRecord
from cloche.model.codec import encode


def main(arguments: Sequence[str]) -> int:
    """The exit code; 2 for arguments that mean nothing."""
    match arguments:
        case ["zygote" | "trial" as role, descriptor]:
            return _serve(role, int(descriptor))
        case ["describe", package]:
            return _describe(package)
        case ["look"]:
            return _look()
        case ["idle", package, *rest] if rest in ([], ["network"]):
            return _idle(package, network=bool(rest))
        case [jobdir] if not jobdir.startswith("-"):
            return _run(Path(jobdir).absolute())
        case _:
            print(__doc__, file=sys.stderr)  # noqa: T201 - the command's own answer
            return 2


def _serve(role: str, descriptor: int) -> int:
    from cloche.runner import trial, zygote

    zygote.serve(descriptor, zygote.load if role == "zygote" else trial.load)
    return 0


def _look() -> int:
    from cloche.runner import container

    print(json.dumps(encode(container.look())))  # noqa: T201 - the command's own answer
    return 0


def _idle(package: str, *, network: bool) -> NoReturn:
    from cloche.runner import container

    container.serve(package, network=network)


def _describe(package: str) -> int:
    from cloche.runner.zygote import load

    with contextlib.redirect_stdout(sys.stderr):  # what the package prints on import
        loaded = load(package)
    if loaded.report.problem:
        print(loaded.report.problem, file=sys.stderr)  # noqa: T201 - the command's own answer
        return 1
    print(json.dumps(encode(loaded.report.processes)))  # noqa: T201 - the command's own answer
    return 0


def _run(jobdir: Path) -> int:
    """0 when the job has an ``exit.json``, by us or by another; how it ended is said there."""
    from cloche.runner import supervisor
    from cloche.runner.desk import SocketDesk
    from cloche.runner.groups import Groups
    from cloche.runner.walls import raising
    from cloche.runner.zygote import load

    layout = Layout(jobdir)
    record = read_record(TaskRecord, layout.request)
    if record is None:
        print(f"there is no {layout.request}", file=sys.stderr)  # noqa: T201 - the command's own answer
        return 2

    def call(layout: Layout) -> int:
        loaded = load(record.package)
        if loaded.call is None:
            print(loaded.report.problem, file=sys.stderr)  # noqa: T201 - goes to the job's log
            return 1
        return loaded.call(layout)

    walls = raising.Walls(level=Level.PROCESS, uid=os.getuid(), gid=os.getgid())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order, letter = Order(limits=record.limits), Letter(jobdir=os.fspath(jobdir), limits=record.limits)
    folder = os.open(jobdir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    socket.send_fds(ours, [order.dump(), letter.dump()], [folder])
    os.close(folder)
    ours.shutdown(socket.SHUT_WR)
    supervisor.supervise(walls, call, SocketDesk(theirs, Groups()), supervisor.boot_id())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
