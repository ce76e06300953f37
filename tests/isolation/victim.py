"""A server to attack: files, secrets, sockets, queues, shared memory and a terminal."""

import contextlib
import ctypes
import os
import pty
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SECRETS = {"CLOCHE_TEST_PASSWORD": "hunter2", "PGPASSWORD": "hunter3"}
IPC_KEY = 0x0C10C4E
METADATA = "169.254.169.254"


@dataclass(frozen=True, slots=True)
class Victim:
    """What there is to attack: ``facts`` are told to the attacker; ``programs`` may be read by executions."""

    folder: Path
    programs: Path
    facts: dict[str, object]


def set_id_program(folder: Path) -> str:
    """A program that tells whom it runs as, root's and set-user-id where root makes it; an empty text elsewhere."""
    if os.getuid() != 0:
        return ""
    program = folder / "id"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    return str(program)


@contextlib.contextmanager
def victim(folder: Path, programs: Path, *, same_user: bool) -> Iterator[Victim]:
    """This process as a server whose files lie in ``folder``."""
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
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, leak)
        program = programs / "id"
        facts = {
            "same_user": same_user,
            "shares_host_files": True,
            "jobs": str(folder / "data/jobs"),
            "server_files": [str(path) for path in files.values()],
            "known_names": [str(files["config"]), str(private / "id_rsa")],
            "private_files": [str(private / "id_rsa")],
            "outside": [str(folder), str(folder / "data"), str(folder / "data/jobs"), str(HERE), "/usr", "/var/tmp"],
            "server": os.getpid(),
            "secrets": list(SECRETS),
            "set_id_program": str(program) if program.exists() else "",
            "host_name": os.uname().nodename,
            **_network(stack, folder),
            **_ipc(stack),
            "terminal": _terminal(stack),
        }
        yield Victim(folder, programs, facts)


def _network(stack: contextlib.ExitStack, folder: Path) -> dict[str, object]:
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    name = f"cloche-test-{os.getpid()}"
    for kind, suffix in ((socket.SOCK_STREAM, ""), (socket.SOCK_DGRAM, "-datagrams")):
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
        abstract.bind(f"\0{name}{suffix}")
        named = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
        path = folder / f"daemon{suffix}.sock"
        named.bind(str(path))
        path.chmod(0o777)
        if kind == socket.SOCK_STREAM:
            abstract.listen()
            named.listen()
    return {
        "tcp": tcp.getsockname()[1],
        "addresses": _addresses(),
        "metadata": METADATA,
        "interfaces": [interface for _, interface in socket.if_nameindex()],
        "abstract": name,
        "abstract_datagrams": f"{name}-datagrams",
        "socket": str(folder / "daemon.sock"),
        "datagrams": str(folder / "daemon-datagrams.sock"),
    }


def _addresses() -> list[str]:
    """This host's own address, if it has a way out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return [probe.getsockname()[0]]
    return []


def _ipc(stack: contextlib.ExitStack) -> dict[str, object]:
    libc = ctypes.CDLL(None)
    key, create, remove = IPC_KEY + os.getpid(), 0o1600, 0
    shared = Path(f"/dev/shm/cloche-test-{os.getpid()}")
    shared.write_text("TOP SECRET")
    shared.chmod(0o600)
    stack.callback(shared.unlink)
    segment = libc.shmget(key, 4096, create)
    stack.callback(libc.shmctl, segment, remove, None)
    queue = libc.msgget(key, create)
    stack.callback(libc.msgctl, queue, remove, None)
    semaphores = libc.semget(key, 1, create)
    stack.callback(libc.semctl, semaphores, 0, remove)
    name = f"/cloche-test-{os.getpid()}".encode()
    posix = libc.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None)
    stack.callback(libc.mq_unlink, name)
    assert min(segment, queue, semaphores, posix) >= 0, "the kernel has no System V or POSIX queues"
    return {"ipc_key": key, "shm_file": str(shared), "queue": name.decode()}


def _terminal(stack: contextlib.ExitStack) -> str:
    """The path of a terminal that this process has open, as if it was started from it."""
    ours, theirs = pty.openpty()
    stack.callback(os.close, ours)
    stack.callback(os.close, theirs)
    return os.ttyname(theirs)
