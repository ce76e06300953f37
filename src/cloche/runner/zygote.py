"""Imports a process package once, inside the walls, then forks the supervisors that are asked for.

Single-threaded, without secrets, computes nothing and opens nothing of users: a fork of it is as good as a fresh
interpreter. When the executor closes the socket the messages already in it are finished; supervisors live on.
"""

import contextlib
import functools
import gc
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cloche.jobdir import orders
from cloche.jobdir.orders import Level, Report, Setup
from cloche.runner import child, forking, supervisor
from cloche.runner.desk import SocketDesk, receive
from cloche.runner.family import children
from cloche.runner.groups import Groups
from cloche.runner.walls import kernel, raising, template, view, windows


@dataclass(frozen=True, slots=True)
class Loaded:
    """The package, ready to be called, and what there is to tell about it."""

    call: child.Call | None
    report: Report
    rehearse: Callable[[raising.Walls], None] = lambda _: None


Loader = Callable[[str], Loaded]


def serve(descriptor: int, loader: Loader) -> None:
    """Be a zygote on the socket ``descriptor`` until its other end is closed."""
    connection = socket.socket(fileno=descriptor)
    first = connection.recv(orders.MAX_MESSAGE_BYTES)
    if not first:
        return
    setup = orders.load(Setup, first)
    sys.path[:0] = setup.search
    located = view.location(setup.package)
    try:
        walls = _settle(setup, located)
        loaded = loader(setup.package)
    except (OSError, windows.Unreadable) as error:
        walls, loaded = None, Loaded(None, Report(problem=f"the walls cannot be raised: {error}"))
    files = loaded.report.files or _files(located)
    _send_report(connection, Report(processes=loaded.report.processes, files=files, problem=loaded.report.problem))
    if walls is not None and loaded.call is not None:
        _rehearse(loaded, walls)
        _Zygote(connection, walls, loaded.call).run()


def _rehearse(loaded: Loaded, walls: raising.Walls) -> None:
    """Whatever the package has done to the modules that are used there, its executions can do without."""
    try:
        loaded.rehearse(walls)
    except Exception:  # noqa: BLE001 - what cannot be rehearsed is slower, no more
        traceback.print_exc()


def load(package: str) -> Loaded:
    """Import and describe a package with ``runner.package`` and its neighbours; its errors become the report's."""
    from cloche.runner import call, describe, dress
    from cloche.runner import package as packages

    try:
        with forking.noted() as hooks:
            found = packages.load(package)
        processes = tuple(describe.describe(found))
        call.prepare()
    except (Exception, SystemExit):  # noqa: BLE001 - user code: whatever it raises is the report
        return Loaded(None, Report(problem=traceback.format_exc()))
    files = tuple(os.fspath(path) for path in found.files)
    ready = functools.partial(call.run, package=found, hooks=hooks)
    return Loaded(ready, Report(processes=processes, files=files), dress.rehearse)


def threaded() -> str:
    """Why this process cannot be forked, or an empty text."""
    threads = os.stat("/proc/self/task").st_nlink - 2  # noqa: PTH116 - a hundred times an hour or a second
    return f"the package has started {threads - 1} threads on import: it cannot be forked" if threads != 1 else ""


def hold_still() -> None:
    """Get ready to be forked many times: what is imported now stays as it is."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # a TextIOWrapper: standard output
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or every execution prints what is left in them
    gc.collect()
    gc.disable()
    gc.freeze()


def _settle(setup: Setup, located: view.Code) -> raising.Walls:
    """Become the executions' user, in the place where they will live."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    shown = view.view_of(
        located,
        readable=setup.readable,
        hidden=(*setup.hidden, setup.jobs),
        network=setup.network,
        legible=functools.partial(_legible, setup.user),
    )
    if os.getuid() == 0:
        _become(setup, shown)
    uid, gid = os.getuid(), os.getgid()
    if setup.level is Level.FULL:
        template.enter(network=setup.network)
        template.build(shown, setup.jobs, uid, gid)
    os.chdir("/")
    return raising.prepare(setup.level, shown, setup.jobs, uid=uid, gid=gid, network=setup.network)


def _legible(user: tuple[int, int] | None, path: Path) -> bool:
    """Whether executions can read it; where they are the server's own user the kernel says so in time."""
    try:
        return user is None or os.getuid() != 0 or windows.may_use(path, *user)
    except OSError:  # it went away
        return False


def _become(setup: Setup, shown: view.View) -> None:
    if setup.user is None or 0 in setup.user:
        raise windows.Unreadable("a server that runs as root needs another user for executions: [processing] user")
    uid, gid = setup.user
    windows.open_windows(shown.readable, setup.jobs, uid, gid)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    # or the kernel keeps /proc/self for root, after a change of identity
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1, "prctl DUMPABLE")


def _files(located: view.Code) -> tuple[str, ...]:
    """Source files of a package that could not say itself."""
    places = located.around or located.own
    found = [file for path in places for file in (sorted(path.glob("*.py")) if path.is_dir() else [path])]
    return tuple(os.fspath(file) for file in found)


def _send_report(connection: socket.socket, report: Report) -> None:
    memory = os.memfd_create("report")
    with os.fdopen(memory, "wb") as file:
        file.write(orders.dump(report))
        file.flush()
        socket.send_fds(connection, [b"report"], [memory])


class _Zygote:
    """The loop: requests in, supervisors out, the dead collected."""

    def __init__(self, connection: socket.socket, walls: raising.Walls, call: child.Call) -> None:
        self._connection = connection
        self._walls = walls
        self._call = call
        self._signals = -1
        self._supervisors: set[int] = set()
        self._boot = supervisor.boot_id()

    def run(self) -> None:
        hold_still()
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1, "prctl CHILD_SUBREAPER")
        self._signals = kernel.signal_descriptor((signal.SIGCHLD,))
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(self._signals, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self._signals in ready:
                self._collect()
            if self._connection.fileno() in ready and not self._obey():
                return

    def _collect(self) -> None:
        while kernel.read_signal(self._signals) is not None:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            # children of an orphan become ours when it dies: they may have been on nobody's list when we looked
            is_orphan = pid not in self._supervisors
            self._supervisors.discard(pid)
            if is_orphan or status != 0:
                self._bury()

    def _bury(self) -> None:
        """What a supervisor that was killed leaves behind has become ours."""
        orphans = list(set(children(os.getpid())) - self._supervisors)
        while orphans:
            orphan = orphans.pop()
            orphans += children(orphan)
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)

    def _obey(self) -> bool:
        """One supervisor more; False when there will be no more. The message is read in the fork: see ``Order``."""
        data, descriptors = receive(self._connection)
        if not data:
            return False
        if refusal := threaded():
            self._connection.send(refusal.encode())
        else:
            self._fork(data, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _fork(self, data: bytes, descriptors: list[int]) -> None:
        # a supervisor that is asked to stop before it can hear must not die of it
        signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.HEARD)
        pid = kernel.fork()
        if pid == 0:
            self._supervise(data, descriptors)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, supervisor.HEARD)
        self._supervisors.add(pid)
        pidfd = os.pidfd_open(pid)
        try:
            self._connection.sendmsg(
                [orders.SPAWNED], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, pidfd.to_bytes(4, sys.byteorder))]
            )
        except ConnectionError:
            pass  # the server is gone; the supervisor is not
        except OSError as error:  # too many descriptors are on their way already, as the kernel counts them
            os.kill(pid, signal.SIGKILL)
            self._connection.send(f"the slot cannot be handed over: {error}".encode())
        finally:
            os.close(pidfd)

    def _supervise(self, data: bytes, descriptors: list[int]) -> NoReturn:
        code = 1
        try:
            kernel.close_all_but((*descriptors, *self._walls.held))
            connection = socket.socket(fileno=descriptors[0])
            groups = Groups.of(orders.load_groups(data), descriptors[1:])
            supervisor.supervise(self._walls, self._call, SocketDesk(connection, groups), self._boot)
            code = 0
        except BaseException:  # noqa: BLE001 - the last edge: nothing may return into the zygote's loop
            traceback.print_exc()
        os._exit(code)
