"""The seccomp filter, run by an interpreter of BPF: what it answers, without asking a kernel."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.runner.walls import seccomp
from cloche.runner.walls.syscalls import ABSENT, ALLOWED, HIGHEST, NETWORK

MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
ALLOW = 0x7FFF0000
KILL = 0x80000000
DANGEROUS = (
    *("bpf", "chroot", "init_module", "io_uring_setup", "kexec_load", "keyctl", "mount", "mq_open", "msgget"),
    *("open_by_handle_at", "perf_event_open", "pivot_root", "process_vm_readv", "ptrace", "setns", "setuid"),
    *("shmget", "umount2", "unshare", "userfaultfd"),
)


def refused(number: int) -> int:
    return 0x00050000 | number


def evaluate(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the filter returns for a system call."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    code = list(struct.iter_unpack("<HBBI", program))
    accumulator = position = 0
    while True:
        operation, if_true, if_false, k = code[position]
        position += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, k)[0]
            case 0x54:
                accumulator &= k
            case 0x05:
                position += k
            case 0x15:
                position += if_true if accumulator == k else if_false
            case 0x35:
                position += if_true if accumulator >= k else if_false
            case 0x45:
                position += if_true if accumulator & k else if_false
            case 0x06:
                return k
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")


def ask(machine: str, name: str, *arguments: int, network: bool = False, shared: bool = False) -> int:
    arch, column = MACHINES[machine]
    number = (ALLOWED | NETWORK | ABSENT)[name][column]
    assert number is not None
    return evaluate(seccomp.assemble(machine, network=network, shared=shared), arch, number, *arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_listed_call_is_allowed_in_its_plain_form(machine: str) -> None:
    arch, column = MACHINES[machine]
    program = seccomp.assemble(machine, network=False, shared=False)
    plain = {"socketpair": (1, 1)}
    for name, numbers in ALLOWED.items():
        if numbers[column] is not None:
            assert evaluate(program, arch, numbers[column], *plain.get(name, ())) == ALLOW, name


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("network", [False, True])
def test_whatever_is_on_no_list_is_refused(machine: str, network: bool) -> None:
    arch, column = MACHINES[machine]
    listed = ALLOWED | NETWORK | ABSENT
    known = {numbers[column] for numbers in listed.values()}
    program = seccomp.assemble(machine, network=network, shared=False)
    assert len(program) // 8 < 4096
    for number in range(HIGHEST + 1):
        if number not in known:
            assert evaluate(program, arch, number) == refused(errno.EPERM), number
    for number in (HIGHEST + 1, HIGHEST + 500, 0x3FFFFFFF):
        assert evaluate(program, arch, number) == refused(errno.ENOSYS)


@given(number=st.integers(0, 0xFFFFFFFF), arch=st.integers(0, 0xFFFFFFFF))
def test_other_architectures_and_the_x32_form_never_pass(number: int, arch: int) -> None:
    program = seccomp.assemble("x86_64", network=True, shared=True)
    if arch != MACHINES["x86_64"][0]:
        assert evaluate(program, arch, number) == KILL
    assert evaluate(program, MACHINES["x86_64"][0], number | 0x40000000) == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("clone", (0x01200011,), ALLOW),  # fork
        ("clone", (0x003D0F00,), ALLOW),  # a thread
        ("clone", (0x10000000,), refused(errno.EPERM)),  # a user namespace
        ("clone", (0x00020000,), refused(errno.EPERM)),  # a mount namespace
        ("clone3", (), refused(errno.ENOSYS)),  # glibc falls back to clone
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), refused(errno.EPERM)),
        ("fchmodat", (0, 0, 0o755), ALLOW),
        ("fchmodat", (0, 0, 0o4755), refused(errno.EPERM)),
        ("openat", (0, 0, 0o101, 0o644), ALLOW),
        ("openat", (0, 0, 0o101, 0o4755), refused(errno.EPERM)),
        ("openat", (0, 0, 0, 0o4755), ALLOW),  # nothing is created: the mode is whatever lay in the register
        ("mknodat", (0, 0, 0o010644), ALLOW),  # a pipe
        ("mknodat", (0, 0, 0o020666), refused(errno.EPERM)),  # a device
        ("socketpair", (1, 1), ALLOW),
        ("socketpair", (1, 0x80805), ALLOW),  # packets, closed on exec, never blocking
        ("socketpair", (1, 2), refused(errno.EACCES)),  # datagrams go to any address
        ("socketpair", (2, 1), refused(errno.EPERM)),
        ("ioctl", (0, 0x401C5820), refused(errno.EPERM)),
        ("inotify_init1", (), refused(errno.ENOSYS)),
        ("prlimit64", (4711,), ALLOW),  # a process of its own: it can name no other
        ("setpriority", (2, 0), ALLOW),
        ("socket", (1,), refused(errno.EACCES)),
        ("socket", (2,), refused(errno.EACCES)),
    ],
)
def test_arguments_decide_where_they_must(machine: str, name: str, arguments: tuple[int, ...], answer: int) -> None:
    assert ask(machine, name, *arguments) == answer


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("prlimit64", (0,), ALLOW),
        ("prlimit64", (4711,), refused(errno.EPERM)),
        ("setpriority", (0, 0), ALLOW),
        ("setpriority", (0, 4711), refused(errno.EPERM)),
        ("setpriority", (2, 0), refused(errno.EPERM)),  # all of the user
        ("ioprio_set", (1, 0), ALLOW),
        ("ioprio_set", (3, 0), refused(errno.EPERM)),
        ("sched_setaffinity", (0,), ALLOW),
        ("sched_setaffinity", (4711,), refused(errno.EPERM)),
        ("sched_setscheduler", (4711,), refused(errno.EPERM)),
    ],
)
def test_where_others_can_be_named_only_the_own_process_is(
    machine: str, name: str, arguments: tuple[int, ...], answer: int
) -> None:
    assert ask(machine, name, *arguments, shared=True) == answer


@pytest.mark.parametrize(
    ("family", "answer"),
    [(1, refused(errno.EACCES)), (2, ALLOW), (10, ALLOW), (16, ALLOW), (40, refused(errno.EACCES))],
)
def test_the_network_is_that_of_the_internet(family: int, answer: int) -> None:
    assert ask("x86_64", "socket", family, network=True) == answer
    assert ask("x86_64", "connect", network=True) == ALLOW


@pytest.mark.parametrize("name", DANGEROUS)
def test_nothing_dangerous_is_on_the_list(name: str) -> None:
    assert name not in ALLOWED
    assert name not in NETWORK
