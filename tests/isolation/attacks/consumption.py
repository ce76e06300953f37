"""What everybody shares: processors, memory, processes, descriptors, signals, disks."""

import contextlib
import ctypes
import errno
import functools
import json
import mmap
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from cloche.process import process

from ._means import Facts, Verdict, attempt, libc, verdict

MIB = 1 << 20
_HELD_S = 1.0  # longer than who only looks now and then needs to see it


def _child(act: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with contextlib.suppress(BaseException):
            act()
        os._exit(0)
    return pid


def _sleepers(count: int) -> list[int]:
    """At most ``count`` children that sleep; fewer where the kernel says no."""
    children: list[int] = []
    with contextlib.suppress(BlockingIOError):
        for _ in range(count):
            children.append(_child(lambda: time.sleep(10)))  # noqa: PERF401 - the list is wanted when it breaks off
    return children


def _end(children: list[int]) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


@process
def many_processes(facts: Facts) -> Verdict:
    """Start more processes than allowed."""
    wanted = json.loads(facts)["processes"] * 3
    children = _sleepers(wanted)
    if len(children) == wanted:
        time.sleep(1)
    _end(children)
    return f"{'open' if len(children) == wanted else 'blocked'}: after {len(children)}"


@process
def take_processes(facts: Facts) -> Verdict:
    """Start as many processes as allowed, so that another execution cannot; the driver looks what it says."""
    children = _sleepers(json.loads(facts)["processes"] - 2)
    Path("begun").touch()
    time.sleep(json.loads(facts)["hold"])
    _end(children)
    return f"held {len(children)}"


@process
def need_processes(facts: Facts) -> Verdict:
    """What another execution does meanwhile: it starts half as many as allowed."""
    wanted = json.loads(facts)["processes"] // 2
    children = _sleepers(wanted)
    _end(children)
    return f"{'blocked' if len(children) == wanted else 'open'}: {len(children)} of {wanted} could be had"


@process
def much_memory(facts: Facts) -> Verdict:
    """Use more memory than allowed; ends by the limit or says open."""
    wanted = json.loads(facts)["memory"] * 2
    step = 8 * MIB
    kept = [b"x" * step for _ in range(wanted // step)]
    return f"open: {len(kept) * step}"


@process
def memory_of_children(facts: Facts) -> Verdict:
    """Use more memory than allowed, none of its processes too much."""
    share = json.loads(facts)["memory"] // 2
    reader, writer = os.pipe()

    def hold() -> None:
        os.close(reader)
        kept = b"x" * share
        os.write(writer, b"x")
        time.sleep(10 if kept else 0)

    children = [_child(hold) for _ in range(4)]
    os.close(writer)
    had = 0
    while had < len(children) and os.read(reader, 1) and not os.waitpid(-1, os.WNOHANG)[0]:
        had += 1
    if had == len(children):
        time.sleep(_HELD_S)
    _end(children)
    return f"{'open' if had == len(children) else 'blocked'}: {had} of {len(children)} shares of {share} bytes"


@process
def memory_files(facts: Facts) -> Verdict:
    """Keep more than the allowed memory in files that exist in memory only."""
    wanted = json.loads(facts)["memory"] * 2
    piece = b"x" * MIB
    kept = []
    for _ in range(wanted // (4 * MIB)):
        kept.append(os.memfd_create("kept"))
        for _ in range(4):
            os.write(kept[-1], piece)
    time.sleep(_HELD_S)
    return f"open: {wanted} bytes"


@process
def shared_memory_files(facts: Facts) -> Verdict:
    """Fill the shared memory's file system."""
    wanted = json.loads(facts)["memory"] * 2
    path = Path(f"/dev/shm/cloche-fill-{os.getpid()}")
    try:
        with path.open("wb") as file:
            for _ in range(wanted // MIB):
                file.write(bytes(MIB))
    except OSError as error:
        return f"blocked: {errno.errorcode[error.errno or 0]}"
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
    return f"open: {wanted} bytes"


@process
def locked_memory(facts: Facts) -> Verdict:
    """Lock more memory than anybody may."""
    size = 64 * MIB
    kept = mmap.mmap(-1, size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(kept))

    def lock() -> None:
        if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(size)) < 0:
            raise OSError(ctypes.get_errno(), "mlock")

    return attempt("lock", lock)


@process
def many_processors(facts: Facts) -> Verdict:
    """Keep more processors busy than allowed, on all that there are."""
    limit, spinners = json.loads(facts)["cpus"], 8
    used = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("d")
    until = time.monotonic() + 2

    def spin(place: int) -> None:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        while time.monotonic() < until:
            used[place] = time.process_time()

    children = [_child(functools.partial(spin, place)) for place in range(spinners)]
    busiest = 0.0
    while time.monotonic() < until:
        # on a host that others keep busy only the best moment tells
        begin, before = time.monotonic(), sum(used[:spinners])
        time.sleep(0.3)
        busiest = max(busiest, (sum(used[:spinners]) - before) / (time.monotonic() - begin))
    _end(children)
    return f"{'open' if busiest > limit * 3 else 'blocked'}: {busiest:.2f} of {limit}"


@process
def much_processor_time(facts: Facts) -> Verdict:
    """Use more processor time than allowed; ends by the limit or says open."""
    until = time.process_time() + json.loads(facts)["cpu_time"] * 2.5
    while time.process_time() < until:
        sum(range(1000))
    return "open: all of it"


@process
def processor_time_of_children(facts: Facts) -> Verdict:
    """Use more processor time than allowed, none of its processes too much."""
    share = json.loads(facts)["cpu_time"] * 0.6

    def spin() -> None:
        while time.process_time() < share:
            sum(range(1000))

    for _ in range(5):
        os.waitpid(_child(spin), 0)
    return "open: all of it"


@process
def real_time(facts: Facts) -> Verdict:
    """Run before everybody else: in a real-time class, at a higher priority."""
    return verdict(
        [
            attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
            attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)),
        ]
    )


@process
def long_run(facts: Facts) -> Verdict:
    """Run longer than allowed, ignoring the request to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(json.loads(facts)["run_time"] * 5)
    return "open: all of it"


@process
def many_descriptors(facts: Facts) -> Verdict:
    """Open more files than allowed."""
    wanted = json.loads(facts)["open_files"] * 2
    opened = []
    try:
        opened.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(wanted))
    except OSError as error:
        return f"blocked: {errno.errorcode[error.errno or 0]}"
    finally:
        os.closerange(3, wanted + 50)
    return f"open: {len(opened)}"


@process
def descriptors_in_flight(facts: Facts) -> Verdict:
    """Keep descriptors on their way, which the kernel counts for all of a user: others can then send none.

    The driver looks whether executions still start meanwhile.
    """
    sent = 0
    pairs = []
    many = [0] * 250
    try:
        for _ in range(100):
            pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))
            socket.send_fds(pairs[-1][0], [b"x"], many)
            sent += len(many)
    except OSError:
        pass
    Path("begun").touch()
    time.sleep(json.loads(facts)["hold"])
    return f"{sent} on their way"


@process
def innocent(facts: Facts) -> Verdict:
    """What another execution does meanwhile: a fork, and some words."""
    time.sleep(0.3)  # so that many are there at once
    return "blocked: it lives" if os.waitpid(_child(list), 0)[1] == 0 else "open: no child"


@process
def many_signals(facts: Facts) -> Verdict:
    """Queue signals without end: the kernel counts them for all of a user, and a request to stop is one."""
    number = signal.SIGRTMIN
    signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    wanted = 5000
    for sent in range(wanted):
        if libc.sigqueue(os.getpid(), int(number), ctypes.c_void_p(0)) < 0:
            return f"blocked: after {sent}"
    return f"open: {wanted}"


@process
def large_file(facts: Facts) -> Verdict:
    """Write a file larger than allowed."""
    wanted = json.loads(facts)["file_size"] * 2
    with Path("large").open("wb") as file:
        for _ in range(wanted >> 20):
            file.write(bytes(1 << 20))
    return f"open: {wanted}"


@process
def many_files(facts: Facts) -> Verdict:
    """Fill the work directory, as fast as can be, with files that are each small enough."""
    for number in range(json.loads(facts)["disk"] // MIB):
        Path(f"part{number}").write_bytes(bytes(MIB))
    return "open: all of it"


@process
def empty_files(facts: Facts) -> Verdict:
    """Use up the disk's inodes with empty files."""
    for number in range(json.loads(facts)["scratch"] // 4096 * 2):
        os.close(os.open(f"e{number}", os.O_CREAT | os.O_WRONLY))
    time.sleep(1)
    return "open: all of them"


@process
def removed_files(facts: Facts) -> Verdict:
    """Fill the disk with files that it has removed and holds open: no directory shows them."""
    kept = []
    for number in range(json.loads(facts)["scratch"] // MIB * 4):
        kept.append(Path(f"gone{number}").open("wb"))  # noqa: SIM115 - held open: that is the attack
        Path(f"gone{number}").unlink()
        kept[-1].write(bytes(MIB))
        kept[-1].flush()
    time.sleep(2)
    return f"open: {len(kept)} MiB held"


@process
def endless_log(facts: Facts) -> Verdict:
    """Fill the disk with what it prints."""
    for _ in range(json.loads(facts)["log_size"] * 4 // 100):
        print("x" * 99)
    return "open: printed"
