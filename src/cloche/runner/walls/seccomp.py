"""The seccomp filter: an allowlist of system calls, assembled to BPF once and loaded raw by each execution."""

import errno
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from cloche.runner.walls.syscalls import ABSENT, ALLOWED, HIGHEST, NETWORK, Numbers

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}

_LOAD = 0x20  # ld [k]: a word of struct seccomp_data
_JUMP = 0x05
_JUMP_EQUAL = 0x15
_JUMP_GREATER_EQUAL = 0x35
_JUMP_ANY_BIT = 0x45
_AND = 0x54
_RETURN = 0x06

_NUMBER = 0
_ARCH = 4

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL = 0x80000000

_NAMESPACE_FLAGS = 0x7E020080  # CLONE_NEWTIME to CLONE_NEWNET, CLONE_NEWNS
_SET_ID_BITS = 0o6000
_CREATE_BIT = 0o100
_FILE_TYPE = 0o170000
_FIFO = 0o010000
_REGULAR = 0o100000
_AF_UNIX = 1
_AF_INET = 2
_AF_INET6 = 10
_AF_NETLINK = 16
_STREAM, _PACKETS = 1, 5
_SOCKET_TYPE = 0xF
_PRIO_PROCESS = 0
_IOPRIO_WHO_PROCESS = 1
# TIOCSTI and TIOCLINUX put keys into a terminal, FS_IOC_FSSETXATTR moves files out of reach of a project's quota
_FORBIDDEN_IOCTLS = (0x5412, 0x541C, 0x401C5820)

Instruction = tuple[int, int, int, int]
Block = tuple[Instruction, ...]


def _argument(index: int) -> int:
    """Offset of the low half of an argument (both machines are little-endian)."""
    return 16 + 8 * index


_PERMIT: Block = ((_RETURN, 0, 0, _ALLOW),)


def _refuse(number: int) -> Block:
    return ((_RETURN, 0, 0, _ERRNO | number),)


def _unless_bits(index: int, bits: int) -> Block:
    """Allow unless one of ``bits`` is set in the argument."""
    return (
        (_LOAD, 0, 0, _argument(index)),
        (_JUMP_ANY_BIT, 0, 1, bits),
        *_refuse(errno.EPERM),
        *_PERMIT,
    )


def _unless_values(index: int, values: tuple[int, ...]) -> Block:
    checks = [(_JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return ((_LOAD, 0, 0, _argument(index)), *checks, *_PERMIT, *_refuse(errno.EPERM))


def _only_values(index: int, values: tuple[int, ...], *, mask: int = 0xFFFFFFFF, error: int = errno.EPERM) -> Block:
    checks = [(_JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return (
        (_LOAD, 0, 0, _argument(index)),
        (_AND, 0, 0, mask),
        *checks,
        *_refuse(error),
        *_PERMIT,
    )


def _no_set_id_creation(flags: int, mode: int) -> Block:
    """Files are never created with set-user-id or set-group-id bits; without O_CREAT the mode means nothing."""
    return (
        (_LOAD, 0, 0, _argument(flags)),
        (_JUMP_ANY_BIT, 0, 3, _CREATE_BIT),
        (_LOAD, 0, 0, _argument(mode)),
        (_JUMP_ANY_BIT, 0, 1, _SET_ID_BITS),
        *_refuse(errno.EPERM),
        *_PERMIT,
    )


def _all_of(*blocks: Block) -> Block:
    """Allow what every block allows. Each ends in a permission, which is where the next one begins."""
    *first, last = blocks
    return (*(instruction for block in first for instruction in block[:-1]), *last)


# a clone that makes namespaces, keys put into terminals, set-id files, device nodes, sockets that leave the house
_CONDITIONS: dict[str, Block] = {
    "clone": _unless_bits(0, _NAMESPACE_FLAGS),
    "ioctl": _unless_values(1, _FORBIDDEN_IOCTLS),
    "chmod": _unless_bits(1, _SET_ID_BITS),
    "fchmod": _unless_bits(1, _SET_ID_BITS),
    "fchmodat": _unless_bits(2, _SET_ID_BITS),
    "fchmodat2": _unless_bits(2, _SET_ID_BITS),
    "creat": _unless_bits(1, _SET_ID_BITS),
    "open": _no_set_id_creation(1, 2),
    "openat": _no_set_id_creation(2, 3),
    "mknod": _only_values(1, (0, _REGULAR, _FIFO), mask=_FILE_TYPE),
    "mknodat": _only_values(2, (0, _REGULAR, _FIFO), mask=_FILE_TYPE),
    # datagrams go from a pair of sockets to any address: the log's, systemd's
    "socketpair": _all_of(
        _only_values(0, (_AF_UNIX,)), _only_values(1, (_STREAM, _PACKETS), mask=_SOCKET_TYPE, error=errno.EACCES)
    ),
}
# where other processes of the same user can be named: an execution sets limits and priorities of its own only
_SHARED_CONDITIONS: dict[str, Block] = {
    "prlimit64": _only_values(0, (0,)),
    "setpriority": _all_of(_only_values(0, (_PRIO_PROCESS,)), _only_values(1, (0,))),
    "ioprio_set": _all_of(_only_values(0, (_IOPRIO_WHO_PROCESS,)), _only_values(1, (0,))),
    "sched_setaffinity": _only_values(0, (0,)),
    "sched_setattr": _only_values(0, (0,)),
    "sched_setparam": _only_values(0, (0,)),
    "sched_setscheduler": _only_values(0, (0,)),
}
# never AF_UNIX: abstract addresses of the host are reachable where its network is
_NETWORK_CONDITIONS = {"socket": _only_values(0, (_AF_INET, _AF_INET6, _AF_NETLINK), error=errno.EACCES)}


@dataclass(frozen=True, slots=True)
class _Span:
    """System calls from ``first`` to the next span's have the same answer."""

    first: int
    answer: Block


def assemble(machine: str, *, network: bool, shared: bool) -> bytes:
    """The filter for ``x86_64`` or ``aarch64``.

    ``network`` opens sockets of the internet families; ``shared``: the execution can name other processes than its own.

    What is on no list is answered with EPERM, what is newer than the lists with ENOSYS.
    """
    body = _search(_spans(_answers(machine, network=network, shared=shared)))
    foreign: Block = ((_RETURN, 0, 0, _KILL),)
    code: Block = (
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        *foreign,
        (_LOAD, 0, 0, _NUMBER),
        *body,
    )
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _answers(machine: str, *, network: bool, shared: bool) -> dict[int, Block]:
    column = _COLUMN[machine]
    conditions = _CONDITIONS | (_NETWORK_CONDITIONS if network else {}) | (_SHARED_CONDITIONS if shared else {})
    answers: dict[int, Block] = {}

    def add(names: Mapping[str, Numbers], answer: Callable[[str], Block]) -> None:
        for name, numbers in names.items():
            number = numbers[column]
            if number is not None:
                answers[number] = answer(name)

    add(ALLOWED | (NETWORK if network else {}), partial(_answer_of, conditions))
    add(ABSENT, lambda _: _refuse(errno.ENOSYS))
    if not network:
        # the prototype's lesson: EACCES reads as a firewall, not as a broken system
        add(NETWORK, lambda _: _refuse(errno.EACCES))
    return answers


def _answer_of(conditions: Mapping[str, Block], name: str) -> Block:
    return conditions.get(name, _PERMIT)


def _spans(answers: Mapping[int, Block]) -> list[_Span]:
    spans: list[_Span] = []
    for number in range(HIGHEST + 2):
        answer = answers.get(number, _refuse(errno.EPERM)) if number <= HIGHEST else _refuse(errno.ENOSYS)
        if not spans or spans[-1].answer != answer:
            spans.append(_Span(number, answer))
    return spans


def _search(spans: list[_Span]) -> Block:
    """A binary search over spans that ends in the answer's own code."""
    if len(spans) == 1:
        return spans[0].answer
    middle = len(spans) // 2
    left, right = _search(spans[:middle]), _search(spans[middle:])
    first = spans[middle].first
    if len(left) <= 255:
        return ((_JUMP_GREATER_EQUAL, len(left), 0, first), *left, *right)
    return ((_JUMP_GREATER_EQUAL, 0, 1, first), (_JUMP, 0, 0, len(left)), *left, *right)
