"""Other processes and their secrets."""

import errno
import json
import os
import resource
import signal
from pathlib import Path

from cloche.process import process

from ._means import Facts, Verdict, attempt, blocked_too, called, libc, raw, read, verdict

SEIZE, DETACH = 0x4206, 17


def _traced(pid: int) -> str:
    traced = raw("ptrace", SEIZE, pid, None, None)
    if traced == "open ptrace":
        libc.ptrace(DETACH, pid, None, None)
    return blocked_too(traced, "ESRCH")


def _looked_into(pid: int) -> str:
    memory = attempt("memory", lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)))
    files = attempt("files", lambda: Path(f"/proc/{pid}/fd/0").readlink())
    return verdict([read(f"/proc/{pid}/environ"), memory, files, _traced(pid)])


@process
def signal_server(facts: Facts) -> Verdict:
    """Send a signal to the server: by its number, through a descriptor, as the owner of a file that wakes it."""
    pid = json.loads(facts)["server"]

    def by_descriptor() -> None:
        signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGCONT)

    return verdict([attempt("kill", lambda: os.kill(pid, signal.SIGCONT)), attempt("pidfd", by_descriptor)])


@process
def signal_supervisor(facts: Facts) -> Verdict:
    """Send a signal to the own supervisor."""
    supervisor = os.getppid()
    return attempt("signal", lambda: os.kill(supervisor, signal.SIGCONT)) if supervisor else "blocked: not to be seen"


@process
def look_into_server(facts: Facts) -> Verdict:
    """Read the server's memory or environment, or trace it."""
    return _looked_into(json.loads(facts)["server"])


@process
def look_into_supervisor(facts: Facts) -> Verdict:
    """Read or write the own supervisor's memory, or trace it."""
    supervisor = os.getppid()
    return _looked_into(supervisor) if supervisor else "blocked: not to be seen"


@process
def slow_down_server(facts: Facts) -> Verdict:
    """Take processors and priority from the server."""
    pid = json.loads(facts)["server"]
    on_x86 = os.uname().machine == "x86_64"
    set_io, get_io = (251, 252) if on_x86 else (30, 31)

    def in_out() -> None:
        called(set_io, 1, pid, called(get_io, 1, pid))

    def by_user() -> None:
        os.getpriority(os.PRIO_PROCESS, pid)  # it would be among those
        os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_USER, 0))

    return verdict(
        [
            attempt("affinity", lambda: os.sched_setaffinity(pid, os.sched_getaffinity(pid))),
            attempt("class", lambda: os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))),
            attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))),
            attempt("nice all of the user", by_user) if json.loads(facts)["same_user"] else "blocked: another user",
            attempt("input and output", in_out),
        ]
    )


@process
def limit_server(facts: Facts) -> Verdict:
    """Set the server's resource limits: one second of processor time would be its end."""
    pid = json.loads(facts)["server"]

    def limit() -> None:
        resource.prlimit(pid, resource.RLIMIT_CPU, resource.prlimit(pid, resource.RLIMIT_CPU))

    return attempt("limits", limit)


@process
def limit_supervisor(facts: Facts) -> Verdict:
    """Set the own supervisor's resource limits."""
    pid = os.getppid()

    def limit() -> None:
        if not pid:
            raise ProcessLookupError(errno.ESRCH, "not to be seen")
        resource.prlimit(pid, resource.RLIMIT_CPU, resource.prlimit(pid, resource.RLIMIT_CPU))

    return attempt("limits", limit)


@process
def list_processes(facts: Facts) -> Verdict:
    """See which processes run on the host."""
    try:
        pids = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
    except OSError as error:
        return f"blocked: {error}"
    return f"{'open' if str(json.loads(facts)['server']) in pids else 'blocked'}: {len(pids)} processes"


@process
def shared_memory(facts: Facts) -> Verdict:
    """Reach shared memory of other processes."""
    known = json.loads(facts)
    attached = raw("shmget", known["ipc_key"], 0, 0)
    return verdict([blocked_too(attached, "ENOENT"), read(known["shm_file"])])


@process
def message_queues(facts: Facts) -> Verdict:
    """Reach message queues and semaphores of other processes."""
    known = json.loads(facts)
    key = known["ipc_key"]
    return verdict(
        [
            blocked_too(raw("msgget", key, 0), "ENOENT"),
            blocked_too(raw("semget", key, 0, 0), "ENOENT"),
            blocked_too(raw("mq_open", known["queue"].encode(), os.O_RDONLY), "ENOENT"),
        ]
    )


@process
def environment_secret(facts: Facts) -> Verdict:
    """Find the server's secrets in the own environment."""
    inherited = Path("/proc/self/environ").read_bytes().decode(errors="replace")
    found = [name for name in json.loads(facts)["secrets"] if name in os.environ or name in inherited]
    return f"open: {found}" if found else "blocked: clean"


@process
def leaked_descriptors(facts: Facts) -> Verdict:
    """Find descriptors that were not meant for it."""
    found = {}
    for descriptor in range(3, 1024):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        found[descriptor] = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    suspicious = [target for target in found.values() if not target.startswith(str(Path.cwd()))]
    return f"open: {suspicious}" if suspicious else "blocked: none"


@process
def terminal(facts: Facts) -> Verdict:
    """Write on the terminal that the server was started from, or put keys into it."""

    def write(path: str) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        os.write(descriptor, b"\x1b[0m")
        os.close(descriptor)

    return verdict(attempt(path, lambda path=path: write(path)) for path in ("/dev/tty", json.loads(facts)["terminal"]))


@process
def host_name(facts: Facts) -> Verdict:
    """Learn the host's name."""
    name = os.uname().nodename
    return f"{'open' if name == json.loads(facts)['host_name'] else 'blocked'}: {name}"
