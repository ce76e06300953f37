"""Small file systems that can really be filled."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import needs
from executions import data_folder

SIZE = 4 << 20


@contextlib.contextmanager
def small_disk(kind: str) -> Iterator[Path]:
    """An empty file system of 4 MiB, ``ext4`` or ``tmpfs``, mounted somewhere below ``/var/tmp``."""
    needs.need("mount", when=os.getuid() == 0, reason="only root mounts file systems")
    with data_folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        image = folder / "image"
        if kind == "ext4":
            image.write_bytes(b"")
            os.truncate(image, SIZE)
            subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-m", "0", image], check=True)
            mount = ["mount", "-o", "loop", image, disk]
        else:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "small", disk]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        needs.need("mount", when=mounted.returncode == 0, reason=mounted.stderr)
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)


@contextlib.contextmanager
def filled(disk: Path, *, left: int = 0) -> Iterator[None]:
    """No byte is to be had on the disk but ``left``."""
    margin, ballast = disk / "margin", disk / "ballast"
    ballast.mkdir()
    try:
        margin.write_bytes(b"x" * left)
        os.sync()
        for size in (1 << 16, 1 << 12, 1, 1):  # a file may want a block for its own administration
            fill(ballast, size)
        margin.unlink()
        yield
    finally:
        shutil.rmtree(ballast)


def fill(folder: Path, size: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            file = folder / str(time.monotonic_ns())
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_SYNC)
            try:
                os.write(descriptor, b"x" * size)
            finally:
                os.close(descriptor)
