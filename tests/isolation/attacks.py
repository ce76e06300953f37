"""A process package whose processes attack: each says ``open`` or ``blocked`` with what it saw.

``facts`` is JSON about the victim that an attacker could know or guess: paths, process ids, addresses.
"""

import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

from cloche.process import Input, Output, process

Facts = Annotated[str, Input("What is known of the victim, as JSON")]
Verdict = Annotated[str, Output("open or blocked, with the details")]

libc = ctypes.CDLL(None, use_errno=True)


def attempt(name: str, act: Callable[[], object]) -> str:
    """``open name`` where ``act`` succeeds, ``blocked name (why)`` where it raises."""
    try:
        act()
    except OSError as error:
        return f"blocked {name} ({errno.errorcode.get(error.errno or 0, error)})"
    except (ValueError, TypeError, LookupError) as error:
        return f"blocked {name} ({type(error).__name__})"
    return f"open {name}"


def verdict(attempts: Iterable[str]) -> str:
    """``open`` if any of them is."""
    seen = list(attempts)
    opened = [text for text in seen if text.startswith("open")]
    return f"{'open' if opened else 'blocked'}: {'; '.join(opened or seen)}"


def raw(name: str, *arguments: object) -> str:
    """A C function that returns a negative number on failure. Only a refusal counts as blocked."""
    result = getattr(libc, name)(*arguments)
    if result >= 0:
        return f"open {name}"
    code = ctypes.get_errno()
    refused = code in (errno.EPERM, errno.EACCES, errno.ENOSYS)
    return f"{'blocked' if refused else 'open'} {name} ({errno.errorcode.get(code, code)})"


def syscall(name: str, number: int, *arguments: object) -> str:
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *arguments)
    code = ctypes.get_errno()
    refused = result < 0 and code in (errno.EPERM, errno.EACCES, errno.ENOSYS)
    return f"blocked {name}" if refused else f"open {name} ({errno.errorcode.get(code, result)})"


def read(path: str) -> str:
    return attempt(path, lambda: Path(path).read_bytes()[:20])


# files


@process
def read_other_job(facts: Facts) -> Verdict:
    """Read another execution's inputs and work files."""
    return verdict(read(path) for path in json.loads(facts)["other_job"])


@process
def list_jobs(facts: Facts) -> Verdict:
    """Learn which other jobs there are."""
    known = json.loads(facts)
    try:
        names = {path.name for path in Path(known["jobs"]).iterdir()} - {Path.cwd().parent.name}
    except OSError as error:
        return f"blocked: {error}"
    return f"open: {sorted(names)}" if names else "blocked: only itself"


@process
def read_server_files(facts: Facts) -> Verdict:
    """Read the server's database, configuration and keys."""
    return verdict(read(path) for path in json.loads(facts)["server_files"])


@process
def read_host_files(facts: Facts) -> Verdict:
    """Read private files of the host and of the server's user."""
    return verdict(read(path) for path in ["/etc/shadow", *json.loads(facts)["private_files"]])


@process
def write_outside(facts: Facts) -> Verdict:
    """Write anywhere but in the work directory."""

    def write(folder: str) -> str:
        path = Path(folder) / f"trace-{os.getpid()}"
        outcome = attempt(folder, lambda: path.write_text("was here"))
        if outcome.startswith("open"):
            path.unlink()
        return outcome

    return verdict(write(folder) for folder in json.loads(facts)["outside"])


@process
def change_request(facts: Facts) -> Verdict:
    """Change the own request or inputs."""
    jobdir = Path.cwd().parent
    return verdict(
        [
            attempt("request.json", lambda: (jobdir / "request.json").open("a").close()),
            attempt("in", lambda: (jobdir / "in/new").write_text("x")),
            attempt("rename", lambda: (jobdir / "request.json").rename(jobdir / "work/request.json")),
        ]
    )


@process
def forge_evidence(facts: Facts) -> Verdict:
    """Write the own exit record in the supervisor's stead."""
    return attempt("ctl", lambda: (Path.cwd().parent / "ctl/forged").write_text("x"))


@process
def set_id_file(facts: Facts) -> Verdict:
    """Leave a set-user-id program behind."""
    path = Path("program")
    path.write_text("x")

    def mark() -> None:
        path.chmod(0o4755)
        if not path.stat().st_mode & 0o4000:
            raise PermissionError(errno.EPERM, "the bit was dropped")

    def make() -> None:
        descriptor = os.open("program2", os.O_CREAT | os.O_WRONLY, 0o4755)
        if not os.fstat(descriptor).st_mode & 0o4000:
            raise PermissionError(errno.EPERM, "the bit was dropped")

    outcome = verdict([attempt("chmod", mark), attempt("open", make)])
    for name in ("program", "program2"):
        Path(name).unlink(missing_ok=True)
    return outcome


# network


@process
def tcp(facts: Facts) -> Verdict:
    """Connect to services of the host over TCP."""
    known = json.loads(facts)
    return verdict(
        attempt(host, lambda host=host: socket.create_connection((host, known["tcp"]), 2).close())
        for host in ("127.0.0.1", "::1", *known["addresses"])
    )


@process
def udp(facts: Facts) -> Verdict:
    """Send datagrams, as to a metadata service."""

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("127.0.0.1", json.loads(facts)["tcp"]))

    return attempt("datagram", send)


@process
def listen(facts: Facts) -> Verdict:
    """Offer a service on the host's network."""

    def serve() -> None:
        with socket.create_server(("127.0.0.1", 0)):
            pass

    return attempt("listen", serve)


@process
def unix_sockets(facts: Facts) -> Verdict:
    """Talk to daemons over unix sockets, by abstract name and by path."""
    known = json.loads(facts)

    def connect(address: str) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)

    return verdict(
        [
            attempt("abstract", lambda: connect("\0" + known["abstract"])),
            attempt("path", lambda: connect(known["socket"])),
        ]
    )


# other processes


@process
def signal_server(facts: Facts) -> Verdict:
    """Send a signal to the server."""
    return attempt("signal", lambda: os.kill(json.loads(facts)["server"], signal.SIGCONT))


@process
def signal_supervisor(facts: Facts) -> Verdict:
    """Send a signal to the own supervisor."""
    supervisor = os.getppid()
    return attempt("signal", lambda: os.kill(supervisor, signal.SIGCONT)) if supervisor else "blocked: not to be seen"


@process
def look_into_server(facts: Facts) -> Verdict:
    """Read the server's memory or environment, or trace it."""
    pid = json.loads(facts)["server"]
    seize, detach = 0x4206, 17
    traced = raw("ptrace", seize, pid, None, None)
    if traced == "open ptrace":
        libc.ptrace(detach, pid, None, None)
    if "ESRCH" in traced:
        traced = "blocked ptrace (ESRCH)"
    memory = attempt("memory", lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY)))
    return verdict([read(f"/proc/{pid}/environ"), memory, traced])


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
    attached = raw("shmget", known["shm_key"], 0, 0) if known["shm_key"] else "blocked: none made"
    if "ENOENT" in attached:
        attached = "blocked shmget (ENOENT)"
    return verdict([attached, read(known["shm_file"])])


# secrets


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
    for descriptor in range(3, 256):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        found[descriptor] = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    suspicious = [target for target in found.values() if not target.startswith(("anon_inode:inotify", str(Path.cwd())))]
    return f"open: {suspicious}" if suspicious else "blocked: none"


# the kernel


@process
def mounts(facts: Facts) -> Verdict:
    """Mount file systems, here or in a user namespace of its own."""
    new_user_and_mount = 0x10000000 | 0x20000
    here = raw("mount", b"none", b"/tmp", b"tmpfs", 0, None)

    def in_own_namespace() -> None:
        child = os.fork()
        if child == 0:
            refused = libc.unshare(new_user_and_mount) < 0 or libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) < 0
            os._exit(1 if refused else 0)
        if os.waitpid(child, 0)[1] != 0:
            raise PermissionError(errno.EPERM, "refused")

    return verdict([here, attempt("user namespace", in_own_namespace)])


@process
def become_root(facts: Facts) -> Verdict:
    """Gain privileges: by system call or by a set-user-id program."""
    programs = [path for path in ("/usr/bin/su", "/usr/bin/mount", "/bin/su") if Path(path).exists()]
    no_new_privileges = libc.prctl(39, 0, 0, 0, 0) == 1
    by_program = "blocked program" if no_new_privileges or not programs else f"open {programs}"
    return verdict([attempt("setuid", lambda: os.setuid(0)), by_program])


@process
def kernel_settings(facts: Facts) -> Verdict:
    """Change kernel settings, read the kernel's log."""

    def write(path: str) -> None:
        Path(path).open("r+").close()

    return verdict(
        [
            attempt("sysctl", lambda: write("/proc/sys/kernel/domainname")),
            attempt("kmsg", lambda: Path("/dev/kmsg").open("rb").close()),
            attempt("oom", lambda: Path("/proc/self/oom_score_adj").write_text("-500")),
            attempt("sysrq", lambda: write("/proc/sysrq-trigger")),
        ]
    )


@process
def risky_system_calls(facts: Facts) -> Verdict:
    """Reach parts of the kernel that geoprocesses never need and exploits do."""
    buffer = ctypes.create_string_buffer(256)
    calls = {
        "x86_64": {
            "add_key": (248, b"user", b"x", b"y", 1, -3),
            "bpf": (321, 0, buffer, 72),
            "fsopen": (430, b"tmpfs", 0),
            "io_uring_setup": (425, 4, buffer),
            "keyctl": (250, 0, -3, 0),
            "modify_ldt": (154, 0, buffer, 64),
            "mknod device": (133, b"device", 0o20666, 0x103),
            "open_by_handle_at": (304, -100, buffer, 0),
            "perf_event_open": (298, buffer, 0, -1, -1, 0),
            "personality": (135, 0x0040000),
            "pidfd_getfd": (438, 0, 0, 0),
            "process_vm_readv": (310, os.getpid(), 0, 0, 0, 0, 0),
            "ptrace": (101, 99, 1, 0, 0),
            "quotactl": (179, 0, 0, 0, 0),
            "unshare net": (272, 0x40000000),
            "userfaultfd": (323, 1),
        },
    }.get(os.uname().machine, {})
    return verdict(syscall(name, *arguments) for name, arguments in calls.items())


# what it may use


@process
def many_processes(facts: Facts) -> Verdict:
    """Start more processes than allowed."""
    wanted = json.loads(facts)["processes"] * 3
    children = []
    try:
        for _ in range(wanted):
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                time.sleep(10)
                os._exit(0)
            children.append(child)
        time.sleep(1)
    except BlockingIOError:
        return f"blocked: after {len(children)}"
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return f"open: {wanted}"


@process
def much_memory(facts: Facts) -> Verdict:
    """Use more memory than allowed; ends by the limit or says open."""
    wanted = json.loads(facts)["memory"] * 2
    step = 8 << 20
    kept = [b"x" * step for _ in range(wanted // step)]
    return f"open: {len(kept) * step}"


@process
def much_processor_time(facts: Facts) -> Verdict:
    """Use more processor time than allowed; ends by the limit or says open."""
    until = time.process_time() + json.loads(facts)["cpu_time"] * 2.5
    while time.process_time() < until:
        sum(range(1000))
    return "open: all of it"


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
        return f"blocked: {errno.errorcode[error.errno]}"
    finally:
        os.closerange(3, wanted + 50)
    return f"open: {len(opened)}"


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
    """Fill the work directory with files that are each small enough."""
    known = json.loads(facts)
    for number in range(known["scratch"] // (1 << 20) * 3):
        Path(f"part{number}").write_bytes(bytes(1 << 20))
        time.sleep(0.02)
    return "open: all of it"


@process
def endless_log(facts: Facts) -> Verdict:
    """Fill the disk with what it prints."""
    for _ in range(json.loads(facts)["log_size"] * 4 // 100):
        print("x" * 99)
    return "open: printed"


# what it leaves behind


@process
def daemon(facts: Facts) -> Verdict:
    """Leave a process behind that goes on writing; the driver looks whether it lived on."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(0, 64)
        while True:
            with Path("alive").open("a") as file:
                file.write("x")
            time.sleep(0.01)
    os.waitpid(child, 0)
    while not Path("alive").exists():
        time.sleep(0.005)
    return "left"


@process
def exec_leftover(facts: Facts) -> Verdict:
    """Leave a program behind that was executed anew, in a session of its own."""
    subprocess.Popen(
        ["/bin/sh", "-c", "while :; do echo x >> alive; sleep 0.01; done"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not Path("alive").exists():
        time.sleep(0.005)
    return "left"


@process
def rig_outputs(facts: Facts) -> Verdict:
    """Lay out files that would lead a careless server elsewhere; the driver looks what the collector takes."""
    secret = json.loads(facts)["server_files"][0]
    out = Path("out")
    (out / "link").symlink_to(secret)
    (out / "folder").symlink_to(Path(secret).parent)
    (out / "environ").symlink_to("/proc/self/environ")
    os.mkfifo(out / "fifo")
    (out / "plain").write_text("x")
    os.link(out / "plain", out / "hard")
    (out / "plain").rename("elsewhere")
    with (out / "sparse").open("wb") as file:
        file.truncate(1 << 42)
    return "links, pipes and giants are laid out"
