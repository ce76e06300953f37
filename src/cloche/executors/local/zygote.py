"""The server's end of a zygote process."""

import fcntl
import os
import select
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from cloche.executors.local.groups import Group
from cloche.executors.local.settings import LocalSettings
from cloche.jobdir import orders
from cloche.jobdir.orders import Report, Setup
from cloche.model.codec import CodecError
from cloche.ports.executor import Refused, Unreachable

log = structlog.get_logger(__name__)

_MAX_REPORT_BYTES = 32 << 20
_ANSWER_TIMEOUT_S = 30.0
_ASK_EVERY_S = 0.25
_MAX_OUTPUT_BYTES = 4000
# beside what the settings add: packages must neither start threads on import nor write beside their source
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class NotStarted(Exception):
    """The zygote did not come to life; the text says why."""


class GivenUp(NotStarted):
    """Nobody wants it any more."""


class Zygote:
    """A running zygote of one package. Every method from any thread; slots are forked one after the other."""

    def __init__(
        self,
        settings: LocalSettings,
        package: str,
        *,
        network: bool,
        command: str = "zygote",
        unwanted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Start it and wait for its report. ``unwanted`` is asked now and then while that takes.

        Raises NotStarted; GivenUp as soon as it is unwanted.
        """
        self._lock = threading.Lock()
        self._output = os.memfd_create("zygote-output", os.MFD_CLOEXEC)
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _launch(settings, command, theirs, self._output)
        try:
            self._connection.settimeout(settings.start_timeout_s)
            self._connection.send(orders.dump(_setup(settings, package, network=network)))
            self._await_report(settings.start_timeout_s, unwanted)
            self.report = self._receive_report()
            self._connection.settimeout(_ANSWER_TIMEOUT_S)
        except BaseException:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        """False once the process has ended; collects it."""
        return self._process.poll() is None

    def fork(self, connection: socket.socket, group: Group) -> int:
        """Have a slot forked whose orders come over ``connection``; its supervisor's pidfd belongs to the caller.

        Raises Refused; Unreachable if the zygote is gone or silent.
        """
        with self._lock:
            try:
                descriptors = [connection.fileno(), *group.descriptors]
                socket.send_fds(self._connection, [orders.dump_groups(group.kinds)], descriptors)
                data, received, _, _ = socket.recv_fds(self._connection, orders.MAX_MESSAGE_BYTES, 1)
            except TimeoutError:
                self.kill()
                raise Unreachable("the zygote did not answer") from None
            except OSError as error:
                raise Unreachable(f"the zygote is gone: {error}") from None
        if not data:
            raise Unreachable("the zygote is gone")
        return _spawned(data, received)

    def close(self) -> None:
        """Let it finish what it was told and end; its supervisors live on."""
        with self._lock:
            self._connection.close()

    def kill(self) -> None:
        """End it now; its supervisors live on."""
        self._connection.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def pidfd(self) -> int | None:
        """A descriptor to see its end by."""
        try:
            return os.pidfd_open(self._process.pid)
        except OSError:
            return None

    def collect(self, timeout: float | None = None) -> None:
        """Wait for the end of the process; force it after ``timeout`` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_report(self, timeout: float, unwanted: Callable[[], bool]) -> None:
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        deadline = time.monotonic() + timeout
        while not poll.poll(_ASK_EVERY_S * 1000):
            if unwanted():
                raise GivenUp("its code has changed, or the server ends")
            if time.monotonic() >= deadline:
                raise NotStarted(f"the package was not imported within {timeout:g} s")

    def _receive_report(self) -> Report:
        try:
            data, received, _, _ = socket.recv_fds(self._connection, orders.MAX_MESSAGE_BYTES, 1)
        except OSError as error:
            raise NotStarted(f"the zygote broke off: {error}") from None
        if not data or not received:
            raise NotStarted(self._last_words())
        try:
            return orders.load(Report, _read_memory(received[0]))
        except (CodecError, ValueError, RecursionError) as error:
            raise NotStarted(f"the zygote's report makes no sense: {error}") from None
        finally:
            for descriptor in received:
                os.close(descriptor)

    def _last_words(self) -> str:
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        size = os.fstat(self._output).st_size
        said = os.pread(self._output, _MAX_OUTPUT_BYTES, max(0, size - _MAX_OUTPUT_BYTES)).decode(errors="replace")
        return f"the zygote {how} while importing the package\n{said}".strip()

    def __del__(self) -> None:
        os.close(self._output)


def _launch(settings: LocalSettings, command: str, theirs: socket.socket, output: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own interpreter, by absolute path
        [*settings.runner, command, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env=_ENVIRONMENT | dict(settings.environment),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _setup(settings: LocalSettings, package: str, *, network: bool) -> Setup:
    return Setup(
        package=package,
        level=settings.level,
        jobs=os.path.realpath(settings.jobs),
        search=tuple(map(os.fspath, settings.search)),
        readable=tuple(map(os.fspath, settings.readable)),
        hidden=tuple(map(os.fspath, settings.hidden)),
        user=settings.user,
        network=network,
    )


def _spawned(data: bytes, received: Sequence[int]) -> int:
    if data == orders.SPAWNED and received:
        fcntl.fcntl(received[0], fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        return received[0]
    for descriptor in received:
        os.close(descriptor)
    raise Refused(data.decode(errors="replace")[:_MAX_OUTPUT_BYTES])


def _read_memory(descriptor: int) -> bytes:
    """The bytes of a memory file that user code had in its hands: nothing else than a plain file is touched."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_REPORT_BYTES:
        raise ValueError("no plain file, or too large")
    return os.pread(descriptor, status.st_size, 0)
