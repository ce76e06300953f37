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


READING = EXECUTE | READ_FILE | READ_DIR
LISTING = READ_DIR
"""To see the names in directories."""
DEVICE = READ_FILE | WRITE_FILE
"""No ioctl."""


def rule(abi: int, descriptor: int, access: int) -> bytes:
    """What allows ``access`` beneath an O_PATH descriptor, for ``Rules.add``. Raises OSError."""
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        access &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
    return kernel.landlock_rule(access & _rights(abi), descriptor)


class Rules:
    """A ruleset to be filled. What is not allowed beneath a path is forbidden, once ``enforce`` was called."""

    def __init__(self, abi: int, *, network: bool) -> None:
        """Raises OSError where the kernel has no Landlock."""
        self._abi = abi
        self.descriptor = kernel.landlock_create(_attributes(abi, network=network))

    def add(self, rules: Iterable[bytes]) -> None:
        """What ``rule`` has made."""
        kernel.landlock_allow(self.descriptor, rules)

    def allow_reading(self, *paths: str) -> None:
        """Read and execute beneath paths; those that do not exist are left out."""
        for path in paths:
            self._allow(path, READING)

    def allow_writing(self, *paths: str) -> None:
        """Everything but to execute."""
        for path in paths:
            self._allow(path, ~(EXECUTE | IOCTL_DEV))

    def enforce(self) -> None:
        """Put the calling thread under the rules. Needs no_new_privileges."""
        kernel.landlock_restrict(self.descriptor)
        os.close(self.descriptor)

    def _allow(self, path: str, access: int) -> None:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        kernel.landlock_allow(self.descriptor, (rule(self._abi, descriptor, access),))
        os.close(descriptor)


def _rights(abi: int) -> int:
    return _RIGHTS[min(abi, max(_RIGHTS))]


def _attributes(abi: int, *, network: bool) -> bytes:
    rights = _rights(abi)
    tcp = 0 if network else _TCP
    if abi >= _SCOPE_ABI:
        return struct.pack("<QQQ", rights, tcp, _SCOPES)
    if abi >= _NETWORK_ABI:
        return struct.pack("<QQ", rights, tcp)
    return struct.pack("<Q", rights)
