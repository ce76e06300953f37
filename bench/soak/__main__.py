"""``python -m bench.soak``: mixed jobs over every protocol while the server is killed; prints what became of them.

The exit code is 1 when a job did not end as it had to, or when anything is left on the host.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bench.soak import leftovers, report
from bench.soak.clients import Clients
from bench.soak.plan import deaths, plan
from bench.soak.records import Records
from bench.soak.server import CLOCHE, Server, become_reaper
from bench.soak.verdict import Tally, tally

_STALL_S = 300.0
_SETTLE_S = 30.0
_LOOK_S = 0.2


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--mode", default="sandbox", choices=["sandbox", "multiprocessing", "docker"])
    parser.add_argument("--image", default="", help="container image with Cloche in it, for mode docker")
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same jobs and moments again")
    parser.add_argument(
        "--sweep",
        type=float,
        default=200.0,
        metavar="SECONDS",
        help="how long the last server may take to sweep control groups of dead ones; 0: they are swept by hand",
    )
    parser.add_argument("--json", type=Path, help="write the tally there as well")
    parser.add_argument("--keep", action="store_true", help="keep data and logs even where all is well")
    return parser.parse_args()


def main() -> int:
    """Run, judge, print."""
    given = arguments()
    console = Console(width=150)
    console.print(f"seed {given.seed}")
    become_reaper()
    home = Path(tempfile.mkdtemp(prefix="cloche-soak-", dir="/var/tmp"))
    home.chmod(0o711)
    server = Server(home, mode=given.mode, parallel=given.parallel, image=given.image)
    with _collecting(server):
        figures, seen, problems = _soak(server, given, console)
    report.show(console, figures, seen, problems)
    if given.json:
        given.json.write_text(json.dumps(report.plain(figures, seen, problems)), "utf-8")
    if problems or given.keep:
        console.print(f"data and logs are in {home}")
    else:
        shutil.rmtree(home)
    return 1 if problems else 0


def _soak(server: Server, given: argparse.Namespace, console: Console) -> tuple[report.Figures, Tally, list[str]]:
    server.start()
    items = plan(given.jobs, given.seed)
    clients = Clients(server, items, at_once=3 * given.parallel // 2, open_jobs=3 * given.parallel)
    began = time.monotonic()
    clients.start()
    try:
        _kill(server, clients, deaths(given.jobs, given.kills, given.seed), console)
        problems = _await_end(clients, Records(server.datadir))
        wall = time.monotonic() - began
        seen = tally(Records(server.datadir).everything(), clients.log.jobs, server.line)
        problems += clients.log.problems + seen.problems
        problems += _await_none(lambda: leftovers.control_groups(server.generations[:-1]), given.sweep)
    finally:
        code = server.end(signal.SIGTERM)
    problems += [f"the last server ended with code {code}"] if code else []
    problems += _left(server, seen, by_hand=given.sweep == 0)
    problems += server.warnings()
    figures = report.Figures(
        mode=given.mode, seed=given.seed, wall_s=wall, starts_s=server.starts_s, counts=clients.log.counts
    )
    return figures, seen, problems


def _kill(server: Server, clients: Clients, moments: list[tuple[int, float]], console: Console) -> None:
    for number, delay in moments:
        while clients.busy and clients.log.begun <= number:
            time.sleep(0.01)
        time.sleep(delay)
        server.kill()
        server.start()
        console.print(f"killed after {number} requests, back after {server.starts_s[-1]:.1f} s", highlight=False)


def _await_end(clients: Clients, records: Records) -> list[str]:
    """Wait for clients and jobs, as long as something goes on."""
    before, since = (-1, -1), time.monotonic()
    while clients.busy or records.open():
        now = (clients.log.begun, records.open())
        if now != before:
            before, since = now, time.monotonic()
        if time.monotonic() - since > _STALL_S:
            return [f"nothing goes on: {now[1]} jobs are open"]
        time.sleep(_LOOK_S)
    return []


def _left(server: Server, seen: Tally, *, by_hand: bool) -> list[str]:
    """What there is when no server lives any more."""
    if by_hand:
        leftovers.sweep(server.generations)
    found = _await_none(leftovers.processes, _SETTLE_S)
    found += _await_none(lambda: leftovers.control_groups(server.generations), 5)
    found += _await_none(lambda: leftovers.containers(server), _SETTLE_S)
    found += leftovers.mounts(server.home)
    found += leftovers.sockets(server)
    found += leftovers.files(server, printed=seen.printed, succeeded=seen.succeeded)
    command = [CLOCHE, "jobs", "purge", "--ended", "--config", server.home / "cloche.toml"]
    subprocess.run(command, check=True, cwd=server.home, stdout=subprocess.DEVNULL)
    return [f"left: {one}" for one in (*found, *leftovers.nothing_remembered(server))]


def _await_none(look: Callable[[], list[str]], patience: float) -> list[str]:
    until = time.monotonic() + patience
    while patience and (found := look()) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    return found if patience else []


@contextmanager
def _collecting(server: Server) -> Iterator[None]:
    over = threading.Event()

    def collect() -> None:
        while not over.wait(0.1):
            server.collect()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


if __name__ == "__main__":
    sys.exit(main())
