"""What a handle of a task in a container says."""

from dataclasses import dataclass
from pathlib import Path

from cloche.executors.docker.places import Holder
from cloche.ports.executor import Handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupied:
    """A container with its task's directory."""

    holder: Holder
    jobdir: Path

    def handle(self, key: str) -> Handle:
        """As text, for the store."""
        h = self.holder
        return Handle(key=key, native=f"{h.pid} {h.start_ticks} {h.boot} {h.container} {self.jobdir}")

    @staticmethod
    def of(handle: Handle) -> "Occupied":
        """Raises ValueError if the text is none of ours."""
        pid, ticks, boot, container, jobdir = handle.native.split(" ", 4)
        holder = Holder(container=container, boot=boot, pid=int(pid), start_ticks=int(ticks))
        return Occupied(holder=holder, jobdir=Path(jobdir))
