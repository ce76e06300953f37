"""The Linux calls that Python has no function for. Each raises OSError with what was tried.

Callable in a forked child: nothing here imports, starts threads or keeps state.
"""

import ctypes
import errno
import functools
import os
import signal
import struct
from collections.abc import Iterable

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MNT_DETACH = 2
AT_RECURSIVE = 0x8000
AT_FDCWD = -100

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_TID_ADDRESS = 40
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

# calls without a function in the C library, where they differ between machines: x86_64, aarch64
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
# the same everywhere
_PIDFD_SEND_SIGNAL = 424
_CLOSE_RANGE = 436
_MOUNT_SETATTR = 442
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446

# structures as bytes: in a process just forked a class of ctypes costs more than what is done with it
_MOUNT_ATTRIBUTES = struct.Struct("=4Q")
_BENEATH = struct.Struct("=Qi")
_PROGRAM = struct.Struct("@HP")
_CAPABILITIES_HEADER = struct.pack("=Ii", 0x20080522, 0)
_NO_CAPABILITIES = bytes(24)
_NO_SIGNALS = bytes(128)  # sigset_t in glibc and musl

_libc = ctypes.CDLL(None, use_errno=True)
_interpreter = ctypes.PyDLL(None, use_errno=True)  # calls that keep the interpreter's lock
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.unshare.argtypes = [ctypes.c_int]
_libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
_libc.syscall.restype = ctypes.c_long
_libc.sigprocmask.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p]
_interpreter.syscall.restype = ctypes.c_long


def fork() -> int:
    """A child without what Python does before and after, see ``forking``. Only from a single thread."""
    return _check(_interpreter.fork(), "fork")


_CLONE_CHILD_CLEARTID = 0x00200000
_CLONE_CHILD_SETTID = 0x01000000


def thread_id_address() -> int | None:
    """Where the C library keeps the number of the calling thread, or None where this kernel does not tell."""
    address = ctypes.c_void_p()
    return address.value if _libc.prctl(PR_GET_TID_ADDRESS, ctypes.addressof(address), 0, 0, 0) == 0 else None


def fork_sealed(thread_id: int) -> int:
    """``fork`` into a new process namespace, as often as one likes: after ``unshare`` the caller could do it once.

    ``thread_id`` is ``thread_id_address()`` of the caller's only thread.
    """
    flags = ctypes.c_ulong(CLONE_NEWPID | _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID | signal.SIGCHLD)
    address, none = ctypes.c_void_p(thread_id), ctypes.c_void_p()
    name = machine()
    # stack and the parent's word of the child, then in the machine's own order the child's word and thread storage
    last = (address, none) if name == "x86_64" else (none, address)
    return _check(_interpreter.syscall(ctypes.c_long(_CLONE[name]), flags, none, none, *last), "clone")


@functools.cache
def machine() -> str:
    """``x86_64`` or ``aarch64``. Raises OSError elsewhere: the walls know no other."""
    name = os.uname().machine
    if name not in _PIVOT_ROOT:
        raise OSError(errno.ENOSYS, f"no walls on {name}")
    return name


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(what: str, number: int, *arguments: object) -> int:
    return _check(_libc.syscall(ctypes.c_long(number), *arguments), what)


def unshare(flags: int) -> None:
    """Leave the namespaces of ``flags`` for new ones."""
    _check(_libc.unshare(flags), "unshare")


def map_ids(uid: int, gid: int, inside_uid: int, inside_gid: int) -> None:
    """Map one user and one group into the user namespace just made."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside_uid} {uid} 1"),
        ("gid_map", f"{inside_gid} {gid} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """The system call mount; the error names what was to be mounted where."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    _check(_libc.mount(encoded[0], encoded[1], encoded[2], flags, encoded[3]), f"mount {kind or source} on {target}")


def bind(source: str, target: str, *, flags: int = 0, recursive: bool = True) -> None:
    """Bind ``source`` on ``target``; ``flags`` are added by a second call, as the kernel wants it."""
    mount(source, target, flags=MS_BIND | (MS_REC if recursive else 0))
    if flags:
        attributes = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        set_attributes(target, attributes, recursive=recursive)


def set_attributes(target: str, attributes: int, *, recursive: bool = True) -> None:
    """Set read-only, nosuid, nodev, noexec (MOUNT_ATTR_* equal MS_* here) on a mount and those below it."""
    structure = _MOUNT_ATTRIBUTES.pack(attributes, 0, 0, 0)
    _syscall(
        f"mount_setattr {target}",
        _MOUNT_SETATTR,
        ctypes.c_int(AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(AT_RECURSIVE if recursive else 0),
        structure,
        ctypes.c_size_t(len(structure)),
    )


def unmount(target: str) -> None:
    """Detach a mount."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(new: str) -> None:
    """Make the mount at ``new`` the root and let go of the old one."""
    os.chdir(new)
    _syscall("pivot_root", _PIVOT_ROOT[machine()], b".", b".")
    unmount(".")
    os.chdir("/")


def prctl(option: int, argument: int = 0, what: str = "prctl") -> None:
    """The system call prctl with one argument."""
    _check(_libc.prctl(option, argument, 0, 0, 0), what)


def name_process(name: bytes) -> None:
    """What the process is called in ``/proc/PID/comm`` and ``stat``: 15 bytes at most."""
    buffer = ctypes.create_string_buffer(name, 16)
    prctl(PR_SET_NAME, ctypes.addressof(buffer), "prctl NAME")


def die_with_parent() -> None:
    """SIGKILL when the parent ends. Cleared by every change of identity; the caller checks for a parent lost before."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, "prctl PDEATHSIG")


def no_new_privileges() -> None:
    """No exec gains privileges any more."""
    prctl(PR_SET_NO_NEW_PRIVS, 1, "prctl NO_NEW_PRIVS")


def drop_capabilities() -> None:
    """Empty the bounding, ambient, permitted, effective and inheritable sets."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            if ctypes.get_errno() == errno.EINVAL and capability > 0:
                break  # past the last capability of this kernel
            _check(-1, f"prctl CAPBSET_DROP {capability}")
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, "prctl CAP_AMBIENT")
    _syscall("capset", _CAPSET[machine()], _CAPABILITIES_HEADER, _NO_CAPABILITIES)


def close_all_but(keep: Iterable[int]) -> None:
    """Close every descriptor from 3 on that is not in ``keep``."""
    low = 3
    for descriptor in [*sorted({d for d in keep if d >= low}), None]:
        high = 0xFFFFFFFF if descriptor is None else descriptor - 1
        if high >= low:
            _syscall("close_range", _CLOSE_RANGE, ctypes.c_uint(low), ctypes.c_uint(high), ctypes.c_uint(0))
        if descriptor is not None:
            low = descriptor + 1


class Filter:
    """A seccomp program, instructions of eight bytes, at a place where the kernel finds it."""

    def __init__(self, program: bytes) -> None:
        self._program = ctypes.create_string_buffer(program, len(program))
        self.structure = _PROGRAM.pack(len(program) // 8, ctypes.addressof(self._program))


def load_filter(program: Filter) -> None:
    """Load a seccomp filter. Needs no_new_privileges."""
    set_mode_filter = 1
    _syscall(
        "seccomp",
        _SECCOMP[machine()],
        ctypes.c_uint(set_mode_filter),
        ctypes.c_uint(0),
        program.structure,
    )


def landlock_abi() -> int:
    """The version of Landlock that this kernel speaks, 0: none."""
    version = 1
    answer = _libc.syscall(ctypes.c_long(_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(version))
    return max(0, int(answer))


def landlock_create(attributes: bytes) -> int:
    """A ruleset's descriptor."""
    return _syscall(
        "landlock_create_ruleset",
        _LANDLOCK_CREATE_RULESET,
        attributes,
        ctypes.c_size_t(len(attributes)),
        ctypes.c_uint32(0),
    )


def landlock_rule(access: int, descriptor: int) -> bytes:
    """What allows ``access`` beneath what ``descriptor`` stands for."""
    return _BENEATH.pack(access, descriptor)


def landlock_allow(ruleset: int, rules: Iterable[bytes]) -> None:
    """Add rules."""
    number, into, none = ctypes.c_long(_LANDLOCK_ADD_RULE), ctypes.c_int(ruleset), ctypes.c_uint32(0)
    path_beneath = ctypes.c_int(1)
    for rule in rules:
        if _libc.syscall(number, into, path_beneath, rule, none) < 0:
            _check(-1, "landlock_add_rule")


def landlock_restrict(ruleset: int) -> None:
    """Put this thread and its children to come under the ruleset. Needs no_new_privileges."""
    _syscall("landlock_restrict_self", _LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))


def signal_descriptor(signals: Iterable[int]) -> int:
    """A signalfd for ``signals``, which are blocked with it; read it with ``read_signal``."""
    wanted = set(signals)
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    mask = sum(1 << (number - 1) for number in wanted)
    buffer = (ctypes.c_ulong * 16)(mask)  # sigset_t is 128 bytes in glibc and musl
    flags = os.O_CLOEXEC | os.O_NONBLOCK
    return _check(_libc.signalfd(ctypes.c_int(-1), ctypes.byref(buffer), ctypes.c_int(flags)), "signalfd")


def unblock_signals() -> None:
    """Let every signal through."""
    _check(_libc.sigprocmask(signal.SIG_SETMASK, _NO_SIGNALS, None), "sigprocmask")


def read_signal(descriptor: int) -> tuple[int, int | None] | None:
    """The next signal and the word queued with it, if it came with one; None when none waits."""
    try:
        data = os.read(descriptor, 128)
    except BlockingIOError:
        return None
    number = int.from_bytes(data[0:4], "little")
    code = int.from_bytes(data[8:12], "little", signed=True)
    value = int.from_bytes(data[48:56], "little")  # ssi_ptr
    sent_by_queue = -1
    return number, value if code == sent_by_queue else None
