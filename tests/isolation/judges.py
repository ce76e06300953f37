"""Attacks that ordinary verdicts cannot judge: what to look at instead, beside or after the execution."""

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from cloche.engine.collecting import Spoilt, collect, read_result
from cloche.jobdir.collector import Unsafe, read_untrusted
from cloche.jobdir.layout import Layout
from cloche.jobdir.progress import ProgressTail
from cloche.jobdir.removal import remove_tree
from cloche.model.execute import OutputRequest
from cloche.model.limits import Limits
from cloche.ports.executor import Refused, Unreachable
from cloche.storage.files import FileStorage
from executions import Bench, Ended
from isolation import table
from jobs import a_job, a_request

MIB = 1 << 20
NUMBERS = {
    "processes": 24,
    "memory": 192 * MIB,
    "cpus": 0.05,
    "cpu_time": 1,
    "run_time": 0.5,
    "open_files": 64,
    "file_size": 4 * MIB,
    "scratch": 12 * MIB,
    "disk": 4 << 30,
    "log_size": 100_000,
    "hold": 2.0,
}
"""What attackers are told of their limits."""
PATIENCE = Limits(run_time=20)
STALL_S = 2.0
_OTHERS = 6  # more than are ready when three attacks ran at once before


class Stage(Protocol):
    """Where the attacks are run."""

    bench: Bench
    facts: dict[str, object]
    costly: bool

    def run(self, name: str, limits: Limits = PATIENCE, **more: object) -> Ended:
        """One execution from start to end."""


Judge = Callable[[Stage, str], str]


def by_word(limits: Limits = PATIENCE) -> Judge:
    """The attacker's own."""

    def judge(stage: Stage, name: str) -> str:
        return stage.run(name, limits).value

    return judge


def by_breach(limits: Limits) -> Judge:
    """The execution ends, and the client is told which limit it was."""

    def judge(stage: Stage, name: str) -> str:
        done = stage.run(name, limits)
        if done.exit is None or done.exit.ok:
            return done.value
        words = done.exit.breach or (done.result and done.result.failure and done.result.failure.text)
        return f"blocked: {words}" if words and "limit of" in words else f"open: no reason given: {done.said}"

    return judge


def by_life(stage: Stage, name: str) -> str:
    """Nothing lives when the execution has ended."""
    done = stage.run(name)
    trace = done.layout.work / "alive"
    size = trace.stat().st_size
    time.sleep(0.1)
    return "open: it lives" if trace.stat().st_size > size else "blocked: it ended with the execution"


def by_log(stage: Stage, name: str) -> str:
    """No more is kept than was allowed."""
    done = stage.run(name, Limits(log_size=NUMBERS["log_size"]))
    size = done.layout.stdout.stat().st_size
    return f"{'blocked' if size < NUMBERS['log_size'] * 1.01 else 'open'}: {size} bytes kept"


def by_disk(stage: Stage, name: str) -> str:
    """The execution ends long before the disk is full, and the client is told why."""
    limits = Limits(scratch=NUMBERS["scratch"], file_size=NUMBERS["file_size"])
    return by_breach(limits)(stage, name)


def by_collector(stage: Stage, name: str) -> str:
    """The server's collector takes none of the outputs."""
    done = stage.run(name)
    taken = []
    names = sorted(path.name for path in done.layout.out.iterdir())
    assert len(names) == 8, names
    for entry in names:
        try:
            read_untrusted(done.layout.out, entry, max_bytes=1 << 20)
        except (Unsafe, OSError):
            continue
        taken.append(entry)
    return f"open: {taken}" if taken else f"blocked: {done.value}"


RESULTS = (
    *("giant", "deep", "number", "bytes", "pipe", "folder", "link"),
    # names of files that are none of its outputs
    *("../../request.json", "/etc/passwd", "no\0name", "\ud800", "a\nb", "..", ".", "", "x" * 5000, "x/" * 3000),
)


def by_result(stage: Stage, name: str) -> str:
    """Whatever the result says, the server takes nothing, in time, and has words for the client."""
    said = []
    for variant in RESULTS[:: 6 if stage.costly else 1]:  # who reads is the same in every mode
        layout = _left(stage, name, json.dumps(variant)[1:-1])
        begin = time.monotonic()
        said.append(f"{variant[:20]!r}: {_taken(layout)}")
        if time.monotonic() - begin > STALL_S:
            said.append("open: the server was held up")
    opened = [text for text in said if "open" in text]
    return f"open: {opened}" if opened else f"blocked: {len(said)} results refused"


def _left(stage: Stage, name: str, variant: str) -> Layout:
    """The job directory of an execution that has ended, unread."""
    bench = stage.bench
    task = bench.task(name, PATIENCE, facts=json.dumps(stage.facts | NUMBERS), variant=variant)
    handle = bench.executor.start(task)
    bench.await_end(task)
    bench.executor.release(handle)
    return Layout(task.jobdir)


def _taken(layout: Layout) -> str:
    job = a_job(request=a_request(outputs=(OutputRequest(id="result"),)))
    try:
        with tempfile.TemporaryDirectory() as kept:
            collect(job, layout, read_result(layout), FileStorage(Path(kept)))
    except Spoilt as refusal:
        return refusal.failure.text
    except Exception as error:  # noqa: BLE001 - anything but a refusal is a hole
        return f"open: {error!r}"
    return "open: it was taken"


def by_progress(stage: Stage, name: str) -> str:
    """Who follows the progress is neither held up nor led to another file."""
    task, handle = stage.bench.running(name, PATIENCE, facts=json.dumps(stage.facts | NUMBERS))
    seen, longest = set(), 0.0
    tail = ProgressTail(task.jobdir)
    until = time.monotonic() + float(NUMBERS["hold"])
    while time.monotonic() < until:
        begin = time.monotonic()
        tail._offset = 0  # each look is a new reader's
        seen.add(record.message if (record := tail.latest()) else "")
        longest = max(longest, time.monotonic() - begin)
    stage.bench.wait(task)
    stage.bench.executor.release(handle)
    strange = seen - {"", "mine"}
    return f"{'open' if strange or longest > STALL_S else 'blocked'}: {strange or ''} {longest * 1000:.0f} ms at most"


def by_removal(stage: Stage, name: str) -> str:
    """The job's directory can be removed, in time, and nothing of it stays."""
    done = stage.run(name, Limits(run_time=20, scratch=1 << 30))
    begin = time.monotonic()
    try:
        remove_tree(done.layout.root)
    except OSError as error:
        return f"open: it stays: {error}"
    took = time.monotonic() - begin
    return f"{'open' if took > 30 or done.layout.root.exists() else 'blocked'}: removed in {took:.1f} s"


def beside(other: str, limits: Limits) -> Judge:
    """While the attacker holds what it took, ``other`` executions must have theirs: more at once than are prepared."""

    def judge(stage: Stage, name: str) -> str:
        def seen(_: int) -> str:
            try:
                return stage.run(other, limits).value
            except (Refused, Unreachable) as error:
                return f"open: {error}"

        task, handle = stage.bench.running(name, limits, facts=json.dumps(stage.facts | NUMBERS))
        with ThreadPoolExecutor(_OTHERS) as pool:
            said = list(pool.map(seen, range(_OTHERS)))
        stage.bench.wait(task)
        stage.bench.executor.release(handle)
        opened = [text for text in said if text.startswith("open")]
        return opened[0] if opened else said[0]

    return judge


JUDGES: dict[str, Judge] = {
    "much_memory": by_breach(Limits(memory=NUMBERS["memory"])),
    "memory_of_children": by_breach(Limits(memory=NUMBERS["memory"])),
    "memory_files": by_breach(Limits(memory=NUMBERS["memory"])),
    "shared_memory_files": by_breach(Limits(memory=NUMBERS["memory"])),
    "many_processors": by_word(Limits(cpus=NUMBERS["cpus"])),
    "much_processor_time": by_breach(Limits(cpu_time=NUMBERS["cpu_time"])),
    "processor_time_of_children": by_breach(Limits(cpu_time=NUMBERS["cpu_time"])),
    "many_processes": by_breach(Limits(processes=NUMBERS["processes"])),
    "take_processes": beside("need_processes", Limits(processes=NUMBERS["processes"])),
    "long_run": by_breach(Limits(run_time=NUMBERS["run_time"])),
    "many_descriptors": by_word(Limits(open_files=NUMBERS["open_files"])),
    "descriptors_in_flight": beside("innocent", Limits(open_files=1024)),
    "large_file": by_breach(Limits(file_size=NUMBERS["file_size"])),
    "many_files": by_disk,
    "empty_files": by_disk,
    "removed_files": by_disk,
    "endless_log": by_log,
    "daemon": by_life,
    "exec_leftover": by_life,
    "rig_outputs": by_collector,
    "rig_result": by_result,
    "swap_progress": by_progress,
    "lease_progress": by_progress,
    "deep_tree": by_removal,
}
"""Attacks by name; all others are judged ``by_word``."""


ALONE = frozenset({"many_processors", "take_processes", "descriptors_in_flight", "deep_tree"})
"""Attacks that others would disturb, or be disturbed by."""
_MODULES = ("files", "kernel", "network", "processes")
GATHERED = frozenset(table.attacks(*_MODULES)) - JUDGES.keys()
"""Attacks that can be performed one after the other in one execution."""
