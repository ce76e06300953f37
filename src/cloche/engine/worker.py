"""Who claims jobs: a server process within one boot of its host."""

import os
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def worker_name() -> str:
    """What this process writes into ``Job.worker``."""
    return f"{_BOOT_ID.read_text().strip()}:{os.getpid()}"


def same_boot(one: str, other: str) -> bool:
    """Whether two workers lived between the same two starts of the host."""
    return one.partition(":")[0] == other.partition(":")[0]
