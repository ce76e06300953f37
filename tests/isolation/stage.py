"""One performance of the attacks: a victim server, executions at one level, all verdicts as JSON on the last line.

    stage.py LEVEL            as the current user
    stage.py LEVEL UID        started by root, as an ordinary user: the way of a server installed with pip

A process of its own, since the victim's secrets are this process's environment and open files.
"""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.collector import Unsafe, read_untrusted
from cloche.jobdir.orders import Level
from cloche.model.limits import Limits
from cloche.runner.walls import kernel, view, windows
from executions import Bench, Ended, local, owner

HERE = Path(__file__).parent
SECRETS = {"CLOCHE_TEST_PASSWORD": "hunter2", "PGPASSWORD": "hunter3"}
LIMITS = {
    "processes": 24,
    "memory": 192 << 20,
    "cpu_time": 1,
    "run_time": 0.5,
    "open_files": 64,
    "file_size": 4 << 20,
    "scratch": 12 << 20,
    "log_size": 100_000,
}
# attacks that ordinary verdicts cannot judge: what to look at instead
DAEMONS = ("daemon", "exec_leftover")
BREACHES = {
    "much_memory": Limits(memory=LIMITS["memory"]),
    "much_processor_time": Limits(cpu_time=LIMITS["cpu_time"]),
    "many_processes": Limits(processes=LIMITS["processes"]),
    "long_run": Limits(run_time=LIMITS["run_time"]),
    "large_file": Limits(file_size=LIMITS["file_size"]),
    "many_files": Limits(scratch=LIMITS["scratch"]),
}
SHARED_MEMORY_KEY = 0x0C10C4E


@dataclass(frozen=True, slots=True)
class Victim:
    """What there is to attack: ``facts`` are told to the attacker."""

    folder: Path
    facts: dict[str, object]


@contextlib.contextmanager
def victim(folder: Path) -> Iterator[Victim]:
    """This process as a server with files, secrets, sockets and shared memory."""
    private = folder / "home"
    private.mkdir()
    files = {
        "database": folder / "data/cloche.db",
        "journal": folder / "data/cloche.db-wal",
        "key": folder / "data/secret.key",
        "config": folder / "cloche.toml",
    }
    (folder / "data").mkdir(exist_ok=True)
    for path in [*files.values(), private / "id_rsa"]:
        path.write_text("TOP SECRET")
        path.chmod(0o600)
    leak = os.open(files["key"], os.O_RDONLY)
    os.set_inheritable(leak, True)
    os.environ.update(SECRETS)
    shared = Path(f"/dev/shm/cloche-test-{os.getpid()}")
    shared.write_text("TOP SECRET")
    shared.chmod(0o600)
    segment = ctypes.CDLL(None).shmget(SHARED_MEMORY_KEY + os.getpid(), 4096, 0o1600)
    with contextlib.ExitStack() as stack:
        stack.callback(shared.unlink)
        stack.callback(ctypes.CDLL(None).shmctl, segment, 0, None)
        stack.callback(os.close, leak)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0cloche-test-{os.getpid()}")
        abstract.listen()
        named = stack.enter_context(socket.socket(socket.AF_UNIX))
        named.bind(str(folder / "daemon.sock"))
        named.listen()
        (folder / "daemon.sock").chmod(0o777)
        yield Victim(
            folder,
            {
                **LIMITS,
                "jobs": str(folder / "data/jobs"),
                "server_files": [str(path) for path in files.values()],
                "private_files": [str(private / "id_rsa")],
                "outside": [
                    str(folder),
                    str(folder / "data"),
                    str(folder / "data/jobs"),
                    str(HERE),
                    "/usr",
                    "/var/tmp",
                ],
                "tcp": tcp.getsockname()[1],
                "addresses": _addresses(),
                "abstract": f"cloche-test-{os.getpid()}",
                "socket": str(folder / "daemon.sock"),
                "server": os.getpid(),
                "secrets": list(SECRETS),
                "shm_key": SHARED_MEMORY_KEY + os.getpid() if segment >= 0 else 0,
                "shm_file": str(shared),
            },
        )


def _addresses() -> list[str]:
    """This host's own address, if it has a way out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return [probe.getsockname()[0]]
    return []


class Stage:
    """Attacks one after the other, each a job; a sibling with secrets runs beside them."""

    def __init__(self, level: Level, target: Victim) -> None:
        settings = replace(local(target.folder / "data", level), hidden=(target.folder,))
        self._facts = target.facts
        self._bench = Bench(LocalExecutor(settings), target.folder / "data", str(HERE / "attacks.py"))
        sibling = self._bench.task("daemon", facts="{}").jobdir
        secrets = [sibling / "work/secret", sibling / "in/secret"]
        for path in secrets:
            path.write_text("TOP SECRET")
            path.chmod(0o600)
            if (executions := owner()) is not None:
                os.chown(path, *executions)
        self._facts["other_job"] = [*map(str, secrets), str(sibling / "request.json")]
        self._facts["outside"] = [*self._facts["outside"], str(sibling / "work")]

    def close(self) -> None:
        self._bench.executor.close()

    def verdicts(self) -> dict[str, str]:
        """Every attack's verdict."""
        names = sorted(p.id for p in self._bench.executor.describe(self._bench.package).processes)
        return {name: self._judge(name) for name in names}

    def _judge(self, name: str) -> str:
        if name in BREACHES:
            return self._breach(name, BREACHES[name])
        if name == "rig_outputs":
            return self._rigged_outputs()
        if name in DAEMONS:
            return self._left_behind(name)
        if name == "endless_log":
            return self._log()
        limits = {"many_descriptors": Limits(open_files=LIMITS["open_files"])}.get(name)
        return self._run(name, limits).value

    def _run(self, name: str, limits: Limits | None = None, **more: object) -> Ended:
        safe = limits or Limits(run_time=20)
        return self._bench.run(name, safe, facts=json.dumps({**self._facts, **more}))

    def _breach(self, name: str, limits: Limits) -> str:
        done = self._run(name, limits)
        if done.exit is None or done.exit.ok:
            return done.value
        words = done.exit.breach or (done.result and done.result.failure and done.result.failure.text)
        return f"blocked: {words}" if words and "limit of" in words else f"open: no reason given: {done.said}"

    def _left_behind(self, name: str) -> str:
        done = self._run(name)
        trace = done.layout.work / "alive"
        size = trace.stat().st_size
        time.sleep(0.1)
        return "open: it lives" if trace.stat().st_size > size else "blocked: it ended with the execution"

    def _log(self) -> str:
        done = self._run("endless_log", Limits(log_size=LIMITS["log_size"]))
        size = done.layout.stdout.stat().st_size
        return f"{'blocked' if size < LIMITS['log_size'] * 1.01 else 'open'}: {size} bytes kept"

    def _rigged_outputs(self) -> str:
        """Outputs made to lead the server elsewhere: what the collector takes of them."""
        done = self._run("rig_outputs")
        taken = []
        for path in sorted(done.layout.out.iterdir()):
            try:
                read_untrusted(done.layout.out, path.name, max_bytes=1 << 20)
            except (Unsafe, OSError):
                continue
            taken.append(path.name)
        return f"open: {taken}" if taken else f"blocked: {done.value}"


def become(uid: int, folder: Path) -> None:
    """Let go of root for good, with a way to Python and the code where they lie in closed directories."""
    root = HERE.parents[1]
    needed = [*view.view_of(view.Code(own=(HERE,)), readable=(str(root),)).readable, str(folder)]
    windows.open_windows(needed, str(folder), uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def main(level: str, *uid: str) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = Path(tempfile.mkdtemp(prefix="cloche-stage-", dir="/var/tmp"))
    folder.chmod(0o711)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if uid:
                os.chown(folder, int(uid[0]), int(uid[0]))
                become(int(uid[0]), folder)
            perform(Level(level), folder)
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    sys.exit(os.waitstatus_to_exitcode(status))


def perform(level: Level, folder: Path) -> None:
    with victim(folder) as target:
        stage = Stage(level, target)
        try:
            print("\n" + json.dumps(stage.verdicts()))
        finally:
            stage.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
