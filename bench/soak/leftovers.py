"""What a soak has left on the host."""

import os
import socket
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from bench.soak.server import Server
from cloche.executors.docker.daemon import Daemon
from cloche.executors.docker.places import identity
from cloche.executors.docker.recipe import OWNER
from cloche.executors.local.groups import GroupTree
from cloche.jobdir.spares import MOST as SPARES

_GROUPS = Path("/sys/fs/cgroup")
_LOGS = {"ctl/stdout.log", "ctl/stderr.log"}
# what the supervisor wrote stays beside the logs
_STAYS = _LOGS | {"ctl/started.json", "ctl/exit.json"}


def processes() -> list[str]:
    """Descendants of this process, whatever state they are in."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            name = text[text.index("(") + 1 : text.rindex(")")]
            state, parent = text[text.rindex(")") + 2 :].split()[:2]
            parents.setdefault(int(parent), []).append((int(entry.name), f"process {name} {state} {command}"))
    found, heads = [], [os.getpid()]
    while heads:
        for pid, words in parents.get(heads.pop(), ()):
            heads.append(pid)
            found.append(f"{pid}: {words}")
    return found


def control_groups(generations: Collection[tuple[int, int]]) -> list[str]:
    """Groups of those servers in every hierarchy."""
    prefixes = tuple(f"{pid}-{ticks}-" for pid, ticks in generations)
    found = []
    for folder, folders, _ in os.walk(_GROUPS):
        found += [f"control group {folder}/{name}" for name in folders if name.startswith(prefixes)]
    return found


def sweep(generations: Collection[tuple[int, int]]) -> None:
    """Do what a next server would do some day, and at once: nobody lives who could still be forked into a group."""
    prefixes = tuple(f"{pid}-{ticks}-" for pid, ticks in generations)
    GroupTree.open(None).sweep(lambda name: name.startswith(prefixes), young=0.0)


def mounts(home: Path) -> list[str]:
    """Mounts at or of the home in our own namespace; those in others go with their last process."""
    return [f"mount {line}" for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(home) in line]


def sockets(server: Server) -> Iterator[str]:
    """Of the file system, and the port."""
    home = str(server.home)
    yield from (f"socket {line}" for line in Path("/proc/net/unix").read_text().splitlines() if home in line)
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", server.line.port)) == 0:
            yield f"somebody listens on port {server.line.port}"


def containers(server: Server) -> list[str]:
    """Of this server by their label, running or not."""
    slots = server.datadir / "slots"
    if not slots.exists():
        return []
    daemon = Daemon("", call_timeout_s=60, start_timeout_s=60)
    try:
        return [f"container {seen.id[:12]} {seen.state}" for seen in daemon.labelled(f"{OWNER}={identity(slots)}")]
    finally:
        daemon.close()


def files(server: Server, *, printed: Mapping[str, str], succeeded: Collection[str]) -> Iterator[str]:
    """What does not belong there while the jobs are remembered.

    Logs stay of who printed (``printed``: what and once, by job), results of who succeeded.
    """
    data = server.datadir
    for path in _entries(data / "jobs"):
        inside = {str(one.relative_to(path)) for one in path.rglob("*")} - {"ctl"}
        if not inside <= _STAYS or not inside & _LOGS:
            yield f"job directory {path.name} with {sorted(inside)}"
    for job, words in printed.items():
        log = data / "jobs" / job / "ctl/stdout.log"
        if (said := log.read_text() if log.exists() else "nothing") != words:
            yield f"log of {job}: {said!r}"
    yield from (f"result of {path.name}" for path in _entries(data / "results") if path.name not in succeeded)
    for folder in (data / "intake", data / "slots/jobs", data / "slots/intake", server.home / "tmp"):
        yield from (f"file {path}" for path in _entries(folder))
    for folder in (data / "spare", data / "slots/spare"):
        if len(_entries(folder)) > SPARES:
            yield f"{len(_entries(folder))} spare directories in {folder}"


def nothing_remembered(server: Server) -> Iterator[str]:
    """What is left when every job was purged."""
    for folder in (server.datadir / "jobs", server.datadir / "results"):
        yield from (f"after the purge: {path}" for path in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []
