"""The kernel: what a geoprocess never needs and exploits are made of."""

import ctypes
import errno
import json
import mmap
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

from cloche.process import process

from ._means import Facts, Verdict, attempt, called, libc, raw, reached, verdict

MACHINES = {"x86_64": 0, "aarch64": 1}
HERE = -100  # AT_FDCWD
NEW_USER, NEW_MOUNT, NEW_NETWORK = 0x10000000, 0x20000, 0x40000000


def calls(table: dict[str, tuple[int, int, tuple[object, ...]]]) -> str:
    """Verdict over system calls: their numbers on both machines, and arguments that do no harm."""
    column = MACHINES[os.uname().machine]
    return verdict(reached(name, row[column], *row[2]) for name, row in table.items())


def buffer() -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(256)


@process
def mounts(facts: Facts) -> Verdict:
    """Mount file systems, here or in a user namespace of its own."""
    here = raw("mount", b"none", b"/tmp", b"tmpfs", 0, None)

    def in_own_namespace() -> None:
        child = os.fork()
        if child == 0:
            refused = libc.unshare(NEW_USER | NEW_MOUNT) < 0 or libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) < 0
            os._exit(1 if refused else 0)
        if os.waitpid(child, 0)[1] != 0:
            raise PermissionError(errno.EPERM, "refused")

    return verdict([here, attempt("user namespace", in_own_namespace)])


@process
def mount_calls(facts: Facts) -> Verdict:
    """Reach the calls that change what is mounted where, and which root and namespaces a process has."""
    return calls(
        {
            "fsopen": (430, 430, (b"tmpfs", 0)),
            "fspick": (433, 433, (HERE, b"/", 0)),
            "open_tree": (428, 428, (HERE, b"/", 1)),
            "move_mount": (429, 429, (-1, b"", -1, b"", 0)),
            "mount_setattr": (442, 442, (HERE, b"/", 0, buffer(), 32)),
            "umount2": (166, 39, (b"/proc", 2)),
            "pivot_root": (155, 41, (b".", b".")),
            "chroot": (161, 51, (b".",)),
            "setns": (308, 268, (-1, 0)),
            "unshare": (272, 97, (NEW_NETWORK,)),
            "clone3": (435, 435, (buffer(), 64)),
        }
    )


@process
def clone_namespace(facts: Facts) -> Verdict:
    """Make a user namespace by ``clone``, which an allowlist cannot leave out."""

    def clone() -> None:
        column = MACHINES[os.uname().machine]
        child = called((56, 220)[column], ctypes.c_ulong(NEW_USER | 17), 0, 0, 0, 0)
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

    return attempt("clone", clone)


@process
def become_root(facts: Facts) -> Verdict:
    """Gain privileges by system call or by a set-user-id program."""
    program = json.loads(facts)["set_id_program"]

    def execute() -> None:
        said = subprocess.run([program, "-u"], capture_output=True, check=True, text=True).stdout
        if said.strip() == str(os.geteuid()):
            raise PermissionError(errno.EPERM, "the bit meant nothing")

    return verdict([attempt("setuid", lambda: os.setuid(0)), attempt("program", execute)])


@process
def capabilities(facts: Facts) -> Verdict:
    """Hold any capability, even one that means nothing outside: half of the kernel's surface asks for one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    held = {line[:6]: int(line.split()[1], 16) for line in lines if line.startswith(("CapInh", "CapPrm", "CapEff"))}
    assert len(held) == 3
    return f"{'open' if any(held.values()) else 'blocked'}: {held}"


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
def machine_calls(facts: Facts) -> Verdict:
    """Reach the calls that load modules and kernels, set the clock, end the machine."""
    return calls(
        {
            "init_module": (175, 105, (None, 0, None)),
            "finit_module": (313, 273, (-1, b"", 0)),
            "delete_module": (176, 106, (b"no-such-module", 0)),
            "kexec_load": (246, 104, (0, 0, None, 0)),
            "reboot": (169, 142, (0, 0, 0, None)),
            "swapon": (167, 224, (b"/nowhere", 0)),
            "sethostname": (170, 161, (b"x", 1)),
            "settimeofday": (164, 170, (buffer(), None)),
            "clock_settime": (227, 112, (0, buffer())),
            "acct": (163, 89, (b"/nowhere",)),
            "syslog": (103, 116, (10, None, 0)),
            "quotactl": (179, 60, (0, 0, 0, 0)),
        }
    )


@process
def file_handles(facts: Facts) -> Verdict:
    """Open files by handle, past every path; watch what others do with theirs."""
    return calls(
        {
            "name_to_handle_at": (303, 264, (HERE, b".", buffer(), buffer(), 0)),
            "open_by_handle_at": (304, 265, (HERE, buffer(), 0)),
            "fanotify_init": (300, 262, (0, 0)),
        }
    )


@process
def device_node(facts: Facts) -> Verdict:
    """Make a device."""
    return attempt("mknod", lambda: os.mknod("device", 0o020666, os.makedev(1, 3)))


@process
def keyrings(facts: Facts) -> Verdict:
    """Use the kernel's keyrings, which no namespace parts."""
    return calls(
        {
            "add_key": (248, 217, (b"user", b"x", b"y", 1, -3)),
            "request_key": (249, 218, (b"user", b"x", None, -3)),
            "keyctl": (250, 219, (0, -3, 0)),
        }
    )


@process
def io_uring(facts: Facts) -> Verdict:
    """Have the kernel make calls in its stead, past every filter."""
    return calls(
        {
            "io_uring_setup": (425, 425, (4, buffer())),
            "io_uring_enter": (426, 426, (-1, 0, 0, 0, None, 0)),
            "io_uring_register": (427, 427, (-1, 0, None, 0)),
        }
    )


@process
def tracing(facts: Facts) -> Verdict:
    """Load programs into the kernel, count its events, look into memory and files of processes."""
    own = os.getpid()
    return calls(
        {
            "bpf": (321, 280, (0, buffer(), 72)),
            "perf_event_open": (298, 241, (buffer(), 0, -1, -1, 0)),
            "ptrace": (101, 117, (99, 1, 0, 0)),
            "process_vm_readv": (310, 270, (own, 0, 0, 0, 0, 0)),
            "process_vm_writev": (311, 271, (own, 0, 0, 0, 0, 0)),
            "process_madvise": (440, 440, (-1, 0, 0, 0, 0)),
            "pidfd_getfd": (438, 438, (-1, 0, 0)),
            "kcmp": (312, 272, (own, own, 0, 0, 0)),
        }
    )


@process
def memory_calls(facts: Facts) -> Verdict:
    """Reach the calls on memory that exploits win races with."""
    return calls(
        {
            "userfaultfd": (323, 282, (1,)),
            "memfd_secret": (447, 447, (0,)),
            "move_pages": (279, 239, (0, 0, None, None, None, 0)),
            "migrate_pages": (256, 238, (0, 0, None, None)),
            "mbind": (237, 235, (None, 0, 0, None, 0, 0)),
            "set_mempolicy": (238, 237, (0, None, 0)),
            "vmsplice": (278, 75, (-1, None, 0, 0)),
            "personality": (135, 92, (0x0040000,)),
            "remap_file_pages": (216, 234, (None, 0, 0, 0, 0)),
        }
    )


@process
def foreign_calls(facts: Facts) -> Verdict:
    """Call the kernel by another machine's numbers, which a filter could mistake."""
    if os.uname().machine != "x86_64":
        return "blocked: this machine knows no other"
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid of i386); int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))

    def old() -> None:
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os._exit(0 if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid() else 1)
        status = os.waitpid(child, 0)[1]
        if status != 0:
            raise PermissionError(errno.EPERM, f"status {status}")

    return verdict([attempt("i386", old), reached("x32", 0x40000000 | 39)])


@process
def terminal_keys(facts: Facts) -> Verdict:
    """Put keys into a terminal: the call alone is looked at, since there is none."""
    put_key, line_discipline = 0x5412, 0x541C
    codes = {"TIOCSTI": put_key, "TIOCLINUX": line_discipline}

    def ask(code: int) -> Callable[[], None]:
        def act() -> None:
            called((16, 29)[MACHINES[os.uname().machine]], 0, code, b"x")

        return act

    def answered(name: str, code: int) -> str:
        text = attempt(name, ask(code))
        return text if "EPERM" in text else text.replace("blocked", "open", 1)

    return verdict(answered(name, code) for name, code in codes.items())


@process
def inotify(facts: Facts) -> Verdict:
    """Use up the few file watchers that the kernel gives to all of a user's processes together."""
    return reached("inotify_init1", (294, 26)[MACHINES[os.uname().machine]], 0)


@process
def project_id(facts: Facts) -> Verdict:
    """Move own files to another project, out of reach of a quota."""
    size, get, put = 28, 0x801C581F, 0x401C5820
    attributes = ctypes.create_string_buffer(size)
    Path("projected").write_text("x")

    def move() -> None:
        ioctl = (16, 29)[MACHINES[os.uname().machine]]
        with Path("projected").open("rb") as file:
            called(ioctl, file.fileno(), get, attributes)
            changed = attributes.raw[:12] + (4711).to_bytes(4, "little") + attributes.raw[16:size]
            called(ioctl, file.fileno(), put, changed)

    return attempt("project", move)


@process
def core_dump(facts: Facts) -> Verdict:
    """Leave an image of its memory behind."""

    def raise_limit() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def dump() -> None:
        child = os.fork()
        if child == 0:
            os.abort()
        if not os.WCOREDUMP(os.waitpid(child, 0)[1]):
            raise PermissionError(errno.EPERM, "none was written")

    return verdict([attempt("limit", raise_limit), attempt("core", dump)])
