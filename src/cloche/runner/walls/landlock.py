"""Landlock: which files the execution may touch, no TCP, no signals and no abstract sockets to the outside."""

import os
import stat
import struct
from collections.abc import Iterable

from cloche.runner.walls import kernel

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15

# highest access right of the file system, by ABI: 2 refer, 3 truncate, 5 ioctl
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK_ABI = 4
_SCOPE_ABI = 6
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract unix sockets, signals


def restrict(
    *,
    readable: Iterable[str | int],
    writable: Iterable[str | int],
    devices: Iterable[str | int] = (),
    network: bool,
    abi: int,
) -> None:
    """Put the calling thread under the rules; paths or O_PATH descriptors.

    Beneath ``readable``: read and execute; beneath ``writable``: everything but execute; ``devices``: read and write,
    no ioctl. Paths that do not exist are left out. Raises OSError: without Landlock nothing is allowed to run here.
    """
    rights = _RIGHTS[min(abi, max(_RIGHTS))]
    ruleset = kernel.landlock_create(_attributes(rights, abi, network=network))
    try:
        for paths, access in (
            (readable, EXECUTE | READ_FILE | READ_DIR),
            (writable, rights & ~(EXECUTE | IOCTL_DEV)),
            (devices, READ_FILE | WRITE_FILE),
        ):
            for path in paths:
                _allow(ruleset, path, access & rights, rights)
        kernel.landlock_restrict(ruleset)
    finally:
        os.close(ruleset)


def _attributes(rights: int, abi: int, *, network: bool) -> bytes:
    tcp = 0 if network else _TCP
    if abi >= _SCOPE_ABI:
        return struct.pack("<QQQ", rights, tcp, _SCOPES)
    if abi >= _NETWORK_ABI:
        return struct.pack("<QQ", rights, tcp)
    return struct.pack("<Q", rights)


def _allow(ruleset: int, path: str | int, access: int, rights: int) -> None:
    if isinstance(path, int):
        descriptor = path
    else:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV) & rights
        kernel.landlock_allow(ruleset, access, descriptor)
    finally:
        if not isinstance(path, int):
            os.close(descriptor)
