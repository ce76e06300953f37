"""Memory of a tree of processes."""

import contextlib
import threading
from pathlib import Path


def tree(root: int) -> list[int]:
    """The process and all of its descendants, also those that other threads of it started."""
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in children.read_text().split())
    return found


def proportional_bytes(pids: list[int]) -> int:
    """Sum of PSS: pages that several processes share are counted once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            line = next(x for x in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if x.startswith("Pss:"))
            total += int(line.split()[1]) * 1024
    return total


class Peak:
    """Samples a tree's memory every 20 ms while the block runs; ``idle`` and ``top`` in bytes."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.idle = self.top = proportional_bytes(tree(root))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.top = max(self.top, proportional_bytes(tree(self.root)))

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        """Bytes on top of the idle server."""
        return self.top - self.idle
