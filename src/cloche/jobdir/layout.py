"""Names inside a job directory.

request.json   canonical inputs and wanted outputs: written before the start, read-only inside
holder.json    which container has the directory mounted, in modes that have containers: written by the server
in/            staged input files: read-only inside
work/          the execution's own directory: the only place user code may write
work/out/      output files
work/tmp/      TMPDIR, and /tmp where executions have one of their own
work/result.json, work/progress.jsonl   claims of user code: schema-checked, size-capped, never trusted
ctl/           started.json, stdout.log, stderr.log, exit.json, supervisor.lock: written by the supervisor only;
               paused is there while nothing of the execution runs
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one job directory."""

    root: Path

    @property
    def request(self) -> Path:
        return self.root / "request.json"

    @property
    def holder(self) -> Path:
        return self.root / "holder.json"

    @property
    def inputs(self) -> Path:
        return self.root / "in"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def out(self) -> Path:
        return self.root / "work/out"

    @property
    def temporary(self) -> Path:
        return self.root / "work/tmp"

    @property
    def result(self) -> Path:
        return self.root / "work/result.json"

    @property
    def progress(self) -> Path:
        return self.root / "work/progress.jsonl"

    @property
    def ctl(self) -> Path:
        return self.root / "ctl"

    @property
    def started(self) -> Path:
        return self.root / "ctl/started.json"

    @property
    def lock(self) -> Path:
        return self.root / "ctl/supervisor.lock"

    @property
    def stdout(self) -> Path:
        return self.root / "ctl/stdout.log"

    @property
    def stderr(self) -> Path:
        return self.root / "ctl/stderr.log"

    @property
    def paused(self) -> Path:
        return self.root / "ctl/paused"

    @property
    def exit(self) -> Path:
        return self.root / "ctl/exit.json"


HERE = Layout(Path())
"""The names themselves, for whoever has the directory."""
